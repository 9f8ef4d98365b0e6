#include <keywheel/quota.hpp>

KEYWHEEL_BEGIN_NAMESPACE

Result<std::shared_ptr<QuotaStore>> sqlite_store(const std::string& /*path*/) {
  return Error{.kind = ErrorKind::config,
               .message = "this keywheel was built without SQLite; build it with -DKEYWHEEL_WITH_SQLITE=ON"};
}

KEYWHEEL_END_NAMESPACE
