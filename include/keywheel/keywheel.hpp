#pragma once

/// All of keywheel but what is dear to include: keywheel/future.hpp and keywheel/format.hpp.

#include <keywheel/chat.hpp>
#include <keywheel/config.hpp>
#include <keywheel/config_json.hpp>
#include <keywheel/credential_pool.hpp>
#include <keywheel/embedding.hpp>
#include <keywheel/error.hpp>
#include <keywheel/failure.hpp>
#include <keywheel/observer.hpp>
#include <keywheel/quota.hpp>
#include <keywheel/router.hpp>
#include <keywheel/secret.hpp>
#include <keywheel/stated_quota.hpp>
#include <keywheel/tools.hpp>
#include <keywheel/transport.hpp>
