#pragma once

#include <string>

#include <keywheel/error.hpp>
#include <keywheel/secret.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// The parts of redis://user:password@host:port/db.
struct RedisUrl {
  bool tls = false;
  std::string user{};
  Secret password{};
  std::string host{};
  int port = 6379;
  int database = 0;

  [[nodiscard]] static Result<RedisUrl> parse(const std::string& url);
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
