#include "router/names.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

std::string printable_url(std::string_view url) {
  if (url.empty()) return "(no address given)";
  std::string_view rest = url.substr(0, url.find_first_of("?#"));
  std::string scheme;
  if (const std::size_t mark = rest.find("://"); mark != std::string_view::npos) {
    scheme = rest.substr(0, mark + 3);
    rest.remove_prefix(mark + 3);
    const std::size_t slash = rest.find('/');
    if (const std::size_t at = rest.substr(0, slash).rfind('@'); at != std::string_view::npos)
      rest.remove_prefix(at + 1);
  }
  return scheme + std::string(rest);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
