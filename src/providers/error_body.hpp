#pragma once

#include <string>
#include <string_view>

#include <keywheel/version.hpp>

#include "wire/json.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// What the body of an error says, whichever of the vendors' shapes it has.
struct ErrorBody {
  std::string message{};    ///< the provider's words; for HTML the title
  std::string code{};       ///< as it spells it; numbers as text
  std::string type{};       ///< `type`, or Google's `status`
  std::string param{};      ///< the field of the request that it names
  std::string detail{};     ///< what a gateway quotes of the provider behind it (OpenRouter's metadata.raw)
  bool structured = false;  ///< it is an API's error, not a page or a line of text
  bool html = false;        ///< it is a page: an edge answered, not the API
};

/// Reads {"error":{…}}, [{"error":{…}}], {"error":"…"}, {"message","type","code"}, {"detail"}, {"errors":[…]},
/// {"code","msg"}, {"Message"}, {"Response":{"Error":{…}}}, {"base_resp":{…}}, {"header":{"code","message"}}, a bare
/// JSON string, HTML, plain text, and nothing at all.
[[nodiscard]] ErrorBody read_error_body(std::string_view body);

/// The same of JSON that is parsed already: an error event of a stream, or an error inside a 200.
[[nodiscard]] ErrorBody read_error_value(JsonValue value);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
