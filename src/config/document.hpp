#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include <keywheel/config.hpp>

#include "config/json_tree.hpp"
#include "config/proxy.hpp"
#include "config/reader.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// A place in a config file.
struct Place {
  std::string path{};              ///< as the file spells it: "services.xinghuo[0].limit.qps"
  const JsonNode* node = nullptr;  ///< the value there, or the nearest around it
};

/// A config file's content as config structs, and where it came from.
struct Document {
  RouterConfig config{};
  Rotation rotation = Rotation::random;  ///< the format's default
  ProxySettings proxy{};
  const JsonNode* services = nullptr;
  std::map<std::string, Place, std::less<>> places{};  ///< by path of the structs: "services[0].credentials[1]"
};

/// Faults and warnings are the reader's.
void read_document(Reader& reader, const JsonNode& root, Document& into);

/// Where a path of the structs ("services[0].limits.qps") stands in the file, as far as the file has it.
[[nodiscard]] Place locate(const Document& document, const JsonNode& root, std::string_view struct_path);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
