#include "router/routes.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

std::string mapped(const std::map<std::string, std::string>& map, std::string_view model) {
  const auto it = map.find(std::string(model));
  return it == map.end() ? std::string(model) : it->second;
}

void add(std::vector<Candidate>& to, std::size_t service, std::string model) {
  const bool known =
      std::any_of(to.begin(), to.end(), [&](const Candidate& c) { return c.service == service && c.model == model; });
  if (!known) to.push_back({.service = service, .model = std::move(model)});
}

}  // namespace

Routes::Routes(const RouterConfig& config, const std::vector<ServiceEntry>& services) {
  redirect_.insert(config.model_redirect.begin(), config.model_redirect.end());
  for (std::size_t i = 0; i < services.size(); ++i) {
    const ServiceConfig& service = services[i].config;
    if (!service.enabled) continue;
    services_.push_back({.service = i, .provider = service.provider, .id = service.id, .model_map = service.model_map});
    if (service.models.empty() && service.embedding_models.empty()) open_.push_back(services_.size() - 1);
    if (first_model_.empty() && !service.models.empty()) first_model_ = service.models.front();
    for (const std::string& model : service.models) add(chat_[model], i, mapped(service.model_map, model));
    for (const std::string& model : service.embedding_models)
      add(embedding_[model], i, mapped(service.model_map, model));
    for (const auto& [alias, model] : service.model_redirect) {
      const bool embeds = std::find(service.embedding_models.begin(), service.embedding_models.end(), model) !=
                          service.embedding_models.end();
      add((embeds ? embedding_ : chat_)[alias], i, mapped(service.model_map, model));
    }
  }
}

Result<std::vector<Candidate>> Routes::find(std::string_view model, Kind kind) const {
  std::string name(model.empty() ? std::string_view(first_model_) : model);
  // The seed's order: "all" takes every name; otherwise one exact step, never a chain.
  if (const auto every = redirect_.find("all"); every != redirect_.end()) {
    name = every->second == "all" ? "random" : every->second;
  } else if (const auto it = redirect_.find(name); it != redirect_.end()) {
    name = it->second;
  }

  const Table& table = kind == Kind::chat ? chat_ : embedding_;
  if (const auto it = table.find(name); it != table.end()) return it->second;
  // An embedding model may be asked of a service that lists it among its models.
  if (kind == Kind::embedding) {
    if (const auto it = chat_.find(name); it != chat_.end()) return it->second;
  }
  if (name == "random") {
    std::vector<Candidate> every = all(kind);
    if (!every.empty()) return every;
  }
  if (std::vector<Candidate> named = by_prefix(name); !named.empty()) return named;
  if (!open_.empty() && !name.empty()) {
    std::vector<Candidate> any;
    for (const std::size_t i : open_) add(any, services_[i].service, mapped(services_[i].model_map, name));
    return any;
  }
  return unknown(name, kind);
}

std::vector<Candidate> Routes::all(Kind kind) const {
  std::vector<Candidate> every;
  for (const auto& [name, candidates] : kind == Kind::chat ? chat_ : embedding_) {
    for (const Candidate& c : candidates) add(every, c.service, c.model);
  }
  return every;
}

std::vector<Candidate> Routes::by_prefix(std::string_view model) const {
  std::vector<Candidate> named;
  const std::size_t slash = model.find('/');
  if (slash == std::string_view::npos || slash + 1 == model.size()) return named;
  const std::string_view prefix = model.substr(0, slash);
  const std::string_view rest = model.substr(slash + 1);
  for (const Open& service : services_) {
    if (service.provider == prefix || service.id == prefix)
      add(named, service.service, mapped(service.model_map, rest));
  }
  return named;
}

Error Routes::unknown(std::string_view model, Kind kind) const {
  std::string known;
  std::size_t shown = 0;
  const Table& table = kind == Kind::chat ? chat_ : embedding_;
  for (const auto& [name, candidates] : table) {
    if (shown++ == 12) {
      known += ", …";
      break;
    }
    known += known.empty() ? name : ", " + name;
  }
  return {
      .kind = ErrorKind::not_found,
      .message = fmt::format("no enabled service serves the {} \"{}\"; the config knows: {}",
                             kind == Kind::chat ? "model" : "embedding model", model, known.empty() ? "none" : known)};
}

std::vector<std::string> Routes::names() const {
  std::vector<std::string> names;
  for (const auto& [name, candidates] : chat_) names.push_back(name);
  for (const auto& [name, candidates] : embedding_) names.push_back(name);
  for (const auto& [name, model] : redirect_) {
    if (name != "all") names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
