#include "config/document.hpp"

#include <cstddef>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "config/quota_store.hpp"
#include "config/wording.hpp"
#include "providers/registry.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

// ---- one entry of a service ----

/// What of an entry is settled only when all of it has been read.
struct Entry {
  ServiceConfig service{};
  const Document* document = nullptr;
  std::optional<bool> use_proxy{};
  const JsonNode* credentials = nullptr;
  const JsonNode* credential_list = nullptr;
};

void read_timeouts(Reader& reader, const JsonNode& value, Entry& entry) {
  if (!entry.service.timeouts) entry.service.timeouts = entry.document->config.timeouts;
  reader.read(value, *entry.service.timeouts);
}

/// The format's "timeout": the call, whole.
void read_timeout(Reader& reader, const JsonNode& value, Entry& entry) {
  if (!entry.service.timeouts) entry.service.timeouts = entry.document->config.timeouts;
  reader.read(value, entry.service.timeouts->total);
}

void read_retry(Reader& reader, const JsonNode& value, Entry& entry) {
  reader.read(value, entry.service.retry.emplace(entry.document->config.retry));
}

void read_tls(Reader& reader, const JsonNode& value, Entry& entry) { reader.read(value, entry.service.tls.emplace()); }

void read_charging(Reader& reader, const JsonNode& value, Entry& entry) {
  reader.read(value, entry.service.charging.emplace());
}

void read_use_proxy(Reader& reader, const JsonNode& value, Entry& entry) {
  reader.read(value, entry.use_proxy.emplace());
}

void read_credentials(Reader& reader, const JsonNode& value, Entry& entry) {
  if (reader.expect(value, JsonNode::Type::object, "an object (a list of keys is \"credential_list\")")) {
    entry.credentials = &value;
  }
}

void read_credential_list(Reader& reader, const JsonNode& value, Entry& entry) {
  if (reader.expect(value, JsonNode::Type::array)) entry.credential_list = &value;
}

/// simple-one-api's label for people. What it does there (keeping all system messages of moonshot) holds for everybody.
void read_label(Reader& reader, const JsonNode& value, Entry& entry) {
  std::string label;
  reader.read(value, label);
  if (!label.empty() && label != entry.service.provider) {
    reader.warn(
        fmt::format("a label only; the provider is {}, the key that the entry stands under", entry.service.provider));
  }
}

template <auto Member>
constexpr auto service_member = member<Entry, &Entry::service, Member>;

constexpr Key<Entry> kEntry[] = {
    {"id", service_member<&ServiceConfig::id>},
    {"provider", read_label},
    {"enabled", service_member<&ServiceConfig::enabled>},
    {"models", service_member<&ServiceConfig::models>},
    {"embedding_models", service_member<&ServiceConfig::embedding_models>},
    {"server_url", service_member<&ServiceConfig::base_url>},
    {"base_url", service_member<&ServiceConfig::base_url>},
    {"credentials", read_credentials},
    {"credential_list", read_credential_list},
    {"rotation", service_member<&ServiceConfig::rotation>},
    {"load_balancing", service_member<&ServiceConfig::rotation>},
    {"affinity_wait", service_member<&ServiceConfig::affinity_wait>},
    {"limit", service_member<&ServiceConfig::limits>},
    {"limits", service_member<&ServiceConfig::limits>},
    {"model_map", service_member<&ServiceConfig::model_map>},
    {"model_redirect", service_member<&ServiceConfig::model_redirect>},
    {"priority", service_member<&ServiceConfig::priority>},
    {"weight", service_member<&ServiceConfig::weight>},
    {"api", service_member<&ServiceConfig::api>},
    {"options", service_member<&ServiceConfig::options>},
    {"headers", service_member<&ServiceConfig::headers>},
    {"timeout", read_timeout},
    {"timeouts", read_timeouts},
    {"retry", read_retry},
    {"use_proxy", read_use_proxy},
    {"tls", read_tls},
    {"prices", service_member<&ServiceConfig::prices>},
    {"limit_groups", service_member<&ServiceConfig::limit_groups>},
    {"charging", read_charging},
    {"allow_insecure", service_member<&ServiceConfig::allow_insecure>},
    {"embedding_limit", nullptr, "calls for embeddings keep to \"limit\", like all others"},
    {"reasoning_models", nullptr, "reasoning comes with every answer that has it; ask for it in the request"},
};

void read_list_of_credentials(Reader& reader, const Entry& entry, std::string_view struct_path,
                              std::vector<CredentialConfig>& into, std::map<std::string, Place, std::less<>>& places) {
  const auto read_one = [&](const JsonNode& node) {
    const std::string path = fmt::format("{}.credentials[{}]", struct_path, into.size());
    places[path] = {reader.path(), &node};
    reader.read(node, into.emplace_back());
  };
  if (entry.credential_list != nullptr && !entry.credential_list->children.empty()) {
    if (entry.credentials != nullptr) {
      reader.warn("\"credentials\" is not used, since \"credential_list\" is there");
    }
    const Reader::Step list(reader, "credential_list");
    for (std::size_t i = 0; i < entry.credential_list->children.size(); ++i) {
      const Reader::Step step(reader, i);
      read_one(entry.credential_list->children[i]);
    }
  } else if (entry.credentials != nullptr) {
    const Reader::Step step(reader, "credentials");
    read_one(*entry.credentials);
  }
}

void resolve_proxy(Reader& reader, const Entry& entry, std::string_view struct_path, const JsonNode& root,
                   Document& document, ServiceConfig& service) {
  if (entry.use_proxy == true && document.proxy.strategy == ProxySettings::Strategy::disabled) {
    reader.warn("\"use_proxy\" has no effect: proxy.strategy is \"disabled\" or absent");
  }
  if (!takes_proxy(document.proxy, entry.use_proxy)) return;
  const JsonNode* settings = root.find("proxy");
  const std::string_view key = proxy_key(document.proxy, service.base_url);
  const JsonNode* given = settings->find(key);
  document.places[fmt::format("{}.proxy.url", struct_path)] = {fmt::format("proxy.{}", key),
                                                               given != nullptr ? given : settings};
  service.proxy = proxy_for(document.proxy, service.base_url);
  if (service.proxy->url.empty() && !service.proxy->from_environment) {
    reader.warn(fmt::format("goes direct: by proxy.strategy it takes a proxy, but proxy.{} is not given", key));
  }
  if (document.proxy.timeout) {
    if (!service.timeouts) service.timeouts = document.config.timeouts;
    service.timeouts->connect = *document.proxy.timeout;
  }
}

void read_entry(Reader& reader, const JsonNode& object, std::string_view provider, const JsonNode& root,
                Document& document) {
  if (!reader.expect(object, JsonNode::Type::object)) return;
  const std::string struct_path = fmt::format("services[{}]", document.config.services.size());
  document.places[struct_path] = {reader.path(), &object};

  Entry entry;
  entry.document = &document;
  entry.service.provider = provider;
  entry.service.rotation = document.rotation;
  entry.service.enabled = false;  // the format's default

  const JsonNode* enabled = object.find("enabled");
  reader.set_lenient(enabled == nullptr || enabled->type != JsonNode::Type::boolean || !enabled->boolean);
  reader.read_object<Entry>(object, entry, kEntry);
  if (enabled == nullptr) reader.warn("switched off, since \"enabled\" is absent; expected \"enabled\": true");

  read_list_of_credentials(reader, entry, struct_path, entry.service.credentials, document.places);
  resolve_proxy(reader, entry, struct_path, root, document, entry.service);
  reader.set_lenient(false);
  document.config.services.push_back(std::move(entry.service));
}

/// The provider that a key of "services" names, in any letter case. One that is not known may be a Transport of the
/// application's own, which the Router knows and a file does not.
std::string provider_named(Reader& reader, std::string_view type) {
  if (find_preset(type) != nullptr) return std::string(type);
  std::string lower = lowercase(type);
  if (find_preset(lower) != nullptr) return lower;
  const std::vector<std::string_view> known = provider_names();
  reader.warn(fmt::format("no provider that comes with keywheel; the Router needs a Transport of this name{}",
                          did_you_mean(type, known)));
  return std::string(type);
}

// ---- the file ----

void keep_services(Reader& reader, const JsonNode& value, Document& document) {
  if (reader.expect(value, JsonNode::Type::object)) document.services = &value;
}

void read_proxy(Reader& reader, const JsonNode& value, Document& document) {
  read_proxy_settings(reader, value, document.proxy);
}

void read_store(Reader& reader, const JsonNode& value, Document& document) {
  read_quota_store(reader, value, document.config.quota_store);
}

void read_loss(Reader& reader, const JsonNode& value, Document& document) {
  read_store_loss(reader, value, document.config.on_store_loss);
}

template <auto... Path>
constexpr auto config_member = member<Document, &Document::config, Path...>;

constexpr std::string_view kGateway = "it concerns a gateway, and this is a library";

constexpr Key<Document> kDocument[] = {
    {"load_balancing", member<Document, &Document::rotation>},
    {"circuit_breaker", config_member<&RouterConfig::circuit_breaker>},
    {"proxy", read_proxy},
    {"model_redirect", config_member<&RouterConfig::model_redirect>},
    {"services", keep_services},
    {"fallbacks", config_member<&RouterConfig::fallbacks>},
    {"hedge", config_member<&RouterConfig::hedge>},
    {"resume", config_member<&RouterConfig::resume>},
    {"tenants", config_member<&RouterConfig::tenants>},
    {"timeouts", config_member<&RouterConfig::timeouts>},
    {"retry", config_member<&RouterConfig::retry>},
    {"tls", config_member<&RouterConfig::tls>},
    {"bounds", config_member<&RouterConfig::bounds>},
    {"region", config_member<&RouterConfig::region>},
    {"quota_store", read_store},
    {"on_store_loss", read_loss},
    {"loop_threads", config_member<&RouterConfig::loop_threads>},
    {"user_agent", config_member<&RouterConfig::user_agent>},
    {"server_port", nullptr, kGateway},
    {"debug", nullptr, kGateway},
    {"log_level", nullptr, "this library logs nothing"},
    {"enable_web", nullptr, kGateway},
    {"api_key", nullptr, kGateway},
    {"api_keys", nullptr, kGateway},
    {"translation", nullptr, kGateway},
    {"multi_content_models", nullptr, "pictures are sent to every model, as the request has them"},
    {"params_range", nullptr, "parameters are sent as the request has them"},
};

/// What a member of the structs is called in the file, where that differs.
std::vector<std::string_view> names_in_file(std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"limits", "limit"},
      {"base_url", "server_url"},
      {"rotation", "load_balancing"},
      {"guard", "guard_ms"},
      {"burst", "burst_ms"},
      {"rpm", "qpm"},
      {"recovery_timeout", "recovery_timeout_seconds"},
  };
  std::vector<std::string_view> names{name};
  for (const auto& [in_struct, in_file] : kNames) {
    if (in_struct == name) names.push_back(in_file);
  }
  return names;
}

}  // namespace

void read_document(Reader& reader, const JsonNode& root, Document& into) {
  reader.read_object<Document>(root, into, kDocument);
  into.config.balance = into.rotation;
  if (const auto all = into.config.model_redirect.find("all");
      all != into.config.model_redirect.end() && all->second == "all") {
    all->second = "random";
  }
  if (into.services == nullptr) return;
  // Entries last: they begin with what the file says for all of them.
  const Reader::Step services(reader, "services");
  for (const JsonNode& type : into.services->children) {
    const Reader::Step step(reader, type.key);
    if (type.type == JsonNode::Type::null || !reader.expect(type, JsonNode::Type::array)) continue;
    const std::string provider = provider_named(reader, type.key);
    for (std::size_t i = 0; i < type.children.size(); ++i) {
      const Reader::Step item(reader, i);
      read_entry(reader, type.children[i], provider, root, into);
    }
  }
}

Place locate(const Document& document, const JsonNode& root, std::string_view struct_path) {
  Place place{.node = &root};
  std::string_view rest = struct_path;
  for (std::string_view prefix = struct_path; !prefix.empty();) {
    if (const auto known = document.places.find(prefix); known != document.places.end()) {
      place = known->second;
      rest = struct_path.substr(prefix.size());
      break;
    }
    const std::size_t cut = prefix.find_last_of(".[");
    prefix = prefix.substr(0, cut == std::string_view::npos ? 0 : cut);
  }
  while (!rest.empty()) {
    if (rest.front() == '.') rest.remove_prefix(1);
    const std::string_view name = rest.substr(0, rest.find_first_of(".["));
    const JsonNode* child = nullptr;
    std::string_view shown = name;
    for (const std::string_view candidate : names_in_file(name)) {
      if (child = place.node->find(candidate); child != nullptr) {
        shown = candidate;
        break;
      }
    }
    if (child == nullptr) break;
    place.path += place.path.empty() ? std::string(shown) : fmt::format(".{}", shown);
    place.node = child;
    rest.remove_prefix(name.size());
    if (rest.empty() || rest.front() != '[') continue;
    break;  // an index into a list of the structs is not always one into the file's
  }
  if (!rest.empty()) {
    const bool joint = !place.path.empty() && rest.front() != '[' && rest.front() != '.';
    place.path += joint ? fmt::format(".{}", rest) : std::string(rest);
  }
  return place;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
