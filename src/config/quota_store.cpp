#include "config/quota_store.hpp"

#include <keywheel/quota.hpp>

#include <fmt/format.h>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

struct StoreSettings {
  std::string type{};
  std::string path{};
  Secret url{};
};

constexpr Key<StoreSettings> kStore[] = {
    {"type", member<StoreSettings, &StoreSettings::type>},
    {"path", member<StoreSettings, &StoreSettings::path>},
    {"url", member<StoreSettings, &StoreSettings::url>},
};

}  // namespace

void read_quota_store(Reader& reader, const JsonNode& value, std::shared_ptr<QuotaStore>& into) {
  StoreSettings settings;
  const std::size_t before = reader.faults.size();
  reader.read_object<StoreSettings>(value, settings, kStore);
  if (reader.faults.size() != before) return;
  // A setting that another type has would do nothing.
  const auto only = [&](std::string_view needed) {
    for (const std::string_view name : {"path", "url"}) {
      if (name == needed || value.find(name) == nullptr) continue;
      reader.fault(*value.find(name), fmt::format("a quota_store of type \"{}\" has no \"{}\"", settings.type, name));
    }
    if (!needed.empty() && value.find(needed) == nullptr) {
      reader.fault(value, fmt::format("a quota_store of type \"{}\" needs \"{}\"", settings.type, needed));
    }
    return reader.faults.size() == before;
  };
  if (settings.type == "memory") {
    if (only({})) into = memory_store();
    return;
  }
  if (settings.type != "sqlite" && settings.type != "redis") {
    reader.fault(value, R"(expected a "type": "sqlite", "redis" or "memory")");
    return;
  }
  const bool sqlite = settings.type == "sqlite";
  if (!only(sqlite ? "path" : "url")) return;
  Result<std::shared_ptr<QuotaStore>> store =
      sqlite ? sqlite_store(settings.path) : redis_store(std::string(settings.url.reveal()));
  if (store) {
    into = *std::move(store);
  } else {
    reader.fault(value, store.error().message);
  }
}

void read_store_loss(Reader& reader, const JsonNode& value, StoreLoss& into) {
  std::string text;
  const std::size_t before = reader.faults.size();
  reader.read(value, text);
  if (reader.faults.size() != before) return;
  if (text == "share") {
    into = StoreLoss::share;
  } else if (text == "refuse") {
    into = StoreLoss::refuse;
  } else {
    reader.fault(value, R"(expected "share" or "refuse")");
  }
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
