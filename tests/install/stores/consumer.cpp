#include <keywheel/keywheel.hpp>

int main() {
  const bool both = keywheel::sqlite_store("quota.db") && keywheel::redis_store("redis://localhost");
  return both ? 0 : 1;
}
