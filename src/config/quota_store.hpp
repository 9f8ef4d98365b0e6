#pragma once

#include <memory>

#include <keywheel/config.hpp>

#include "config/reader.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// {"type": "sqlite", "path": …}, {"type": "redis", "url": …} or {"type": "memory"}.
void read_quota_store(Reader& reader, const JsonNode& value, std::shared_ptr<QuotaStore>& into);

/// "share" or "refuse".
void read_store_loss(Reader& reader, const JsonNode& value, StoreLoss& into);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
