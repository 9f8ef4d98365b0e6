#include "config/proxy.hpp"

#include <array>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "config/wiped_string.hpp"
#include "config/wording.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

template <class Enum>
void read_enum(Reader& reader, const JsonNode& value, std::span<const std::pair<std::string_view, Enum>> names,
               Enum& into) {
  std::string text;
  const std::size_t before = reader.faults.size();
  reader.read(value, text);
  if (reader.faults.size() != before) return;
  text = lowercase(text);
  std::vector<std::string_view> known;
  for (const auto& [name, meaning] : names) {
    if (name == text) {
      into = meaning;
      return;
    }
    if (!name.empty()) known.push_back(name);
  }
  reader.fault(value, fmt::format("expected {}, came {}{}", fmt::join(known, ", "), quoted(value.text),
                                  did_you_mean(value.text, known)));
}

void read_strategy(Reader& reader, const JsonNode& value, ProxySettings& into) {
  using Strategy = ProxySettings::Strategy;
  constexpr std::pair<std::string_view, Strategy> kNames[] = {{"disabled", Strategy::disabled},
                                                              {"default", Strategy::chosen},
                                                              {"all", Strategy::all},
                                                              {"force_all", Strategy::forced},
                                                              {"", Strategy::disabled}};
  read_enum<Strategy>(reader, value, kNames, into.strategy);
}

void read_type(Reader& reader, const JsonNode& value, ProxySettings& into) {
  using Type = ProxySettings::Type;
  constexpr std::pair<std::string_view, Type> kNames[] = {
      {"http", Type::http}, {"socks5", Type::socks5}, {"", Type::unsaid}};
  read_enum<Type>(reader, value, kNames, into.type);
}

void read_timeout(Reader& reader, const JsonNode& value, ProxySettings& into) {
  reader.read(value, into.timeout.emplace());
}

constexpr Key<ProxySettings> kProxy[] = {
    {"strategy", read_strategy},
    {"type", read_type},
    {"http_proxy", member<ProxySettings, &ProxySettings::http_proxy>},
    {"https_proxy", member<ProxySettings, &ProxySettings::https_proxy>},
    {"socks5_proxy", member<ProxySettings, &ProxySettings::socks5_proxy>},
    {"timeout", read_timeout},
    {"no_proxy", member<ProxySettings, &ProxySettings::no_proxy>},
    {"from_environment", member<ProxySettings, &ProxySettings::from_environment>},
};

/// A proxy's address as a URL. The format takes a bare "host:port", and of SOCKS proxies expects that they look up
/// names themselves, as those of simple-one-api do: to libcurl that is socks5h.
Secret as_url(const Secret& address, bool socks) {
  std::string_view rest = address.reveal();
  if (rest.empty()) return {};
  constexpr std::string_view kSocks = "socks5://";
  if (socks && rest.starts_with(kSocks)) {
    rest.remove_prefix(kSocks.size());
  } else if (rest.find("://") != std::string_view::npos) {
    return address;
  }
  const std::string_view scheme = socks ? "socks5h://" : "http://";
  WipedString url(scheme.size() + rest.size());
  return Secret(url.append(scheme).append(rest).view());
}

}  // namespace

void read_proxy_settings(Reader& reader, const JsonNode& object, ProxySettings& into) {
  reader.read_object<ProxySettings>(object, into, kProxy);
  const bool given = !into.http_proxy.empty() || !into.https_proxy.empty() || !into.socks5_proxy.empty();
  if (given && into.strategy == ProxySettings::Strategy::disabled) {
    reader.warn("a proxy is given, but \"strategy\" is \"disabled\" (or absent), so no service takes it");
  }
}

bool takes_proxy(const ProxySettings& settings, std::optional<bool> use_proxy) noexcept {
  switch (settings.strategy) {
    case ProxySettings::Strategy::disabled:
      return false;
    case ProxySettings::Strategy::chosen:
      return use_proxy.value_or(false);
    case ProxySettings::Strategy::all:
      return use_proxy.value_or(true);
    case ProxySettings::Strategy::forced:
      return true;
  }
  return false;
}

std::string_view proxy_key(const ProxySettings& settings, std::string_view url) noexcept {
  using Type = ProxySettings::Type;
  const bool has_http = !settings.http_proxy.empty() || !settings.https_proxy.empty();
  const bool socks = settings.type == Type::socks5 || (settings.type == Type::unsaid && !has_http);
  if (socks) return "socks5_proxy";
  if (url.starts_with("http://") || url.starts_with("ws://")) return "http_proxy";
  return settings.https_proxy.empty() && !settings.http_proxy.empty() ? "http_proxy" : "https_proxy";
}

ProxyConfig proxy_for(const ProxySettings& settings, std::string_view url) {
  const std::string_view key = proxy_key(settings, url);
  const Secret& address = key == "socks5_proxy"  ? settings.socks5_proxy
                          : key == "https_proxy" ? settings.https_proxy
                                                 : settings.http_proxy;
  return {.url = as_url(address, key == "socks5_proxy"),
          .no_proxy = settings.no_proxy,
          .from_environment = settings.from_environment};
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
