#include "providers/openai_url.hpp"

#include "providers/text.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

struct Url {
  std::string_view origin{};  ///< https://host:port
  std::string_view path{};    ///< without a slash at its end
  std::string_view query{};   ///< with its question mark
};

Url split(std::string_view text) {
  text = trimmed(text);
  text = text.substr(0, text.find('#'));
  Url url;
  if (const std::size_t mark = text.find('?'); mark != std::string_view::npos) {
    url.query = text.substr(mark);
    text = text.substr(0, mark);
  }
  const std::size_t scheme = text.find("://");
  const std::size_t slash = text.find('/', scheme == std::string_view::npos ? 0 : scheme + 3);
  url.origin = text.substr(0, slash);
  if (slash != std::string_view::npos) url.path = text.substr(slash);
  while (url.path.ends_with('/')) url.path.remove_suffix(1);
  return url;
}

std::string join(std::string_view origin, std::string_view path, std::string_view query) {
  std::string url(origin);
  url += path;
  url += query;
  return url;
}

}  // namespace

std::string normal_base_url(std::string_view written, std::string_view own) {
  if (trimmed(written).empty()) return std::string(own);
  Url url = split(written);
  for (const std::string_view endpoint : {"/chat/completions", "/completions", "/embeddings", "/models"}) {
    if (!url.path.ends_with(endpoint)) continue;
    url.path.remove_suffix(endpoint.size());
    while (url.path.ends_with('/')) url.path.remove_suffix(1);
    return join(url.origin, url.path, url.query);
  }
  return join(url.origin, url.path.empty() ? split(own).path : url.path, url.query);
}

std::string endpoint_url(std::string_view base, std::string_view path) {
  const Url url = split(base);
  std::string whole = join(url.origin, url.path, path);
  whole += url.query;
  return whole;
}

std::string with_version(std::string_view base, std::string_view version) {
  const Url url = split(base);
  const std::size_t slash = url.path.rfind('/');
  if (slash == std::string_view::npos) return std::string(base);
  return join(url.origin, std::string(url.path.substr(0, slash + 1)).append(version), url.query);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
