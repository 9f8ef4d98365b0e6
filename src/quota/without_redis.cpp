#include <keywheel/quota.hpp>

KEYWHEEL_BEGIN_NAMESPACE

Result<std::shared_ptr<QuotaStore>> redis_store(const std::string& /*url*/) {
  return Error{.kind = ErrorKind::config,
               .message = "this keywheel was built without Redis; build it with -DKEYWHEEL_WITH_REDIS=ON"};
}

KEYWHEEL_END_NAMESPACE
