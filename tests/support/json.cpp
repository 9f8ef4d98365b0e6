#include "support/json.hpp"

namespace keywheel::testing {

rapidjson::Document parse_json(std::string_view text) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag>(text.data(), text.size());
  if (document.HasParseError()) document.SetNull();
  return document;
}

const rapidjson::Value* member(const rapidjson::Value& value, std::string_view name) {
  if (!value.IsObject()) return nullptr;
  const rapidjson::Value key(rapidjson::StringRef(name.data(), static_cast<rapidjson::SizeType>(name.size())));
  const auto it = value.FindMember(key);
  return it == value.MemberEnd() ? nullptr : &it->value;
}

std::string_view string_member(const rapidjson::Value& value, std::string_view name) {
  const rapidjson::Value* found = member(value, name);
  return found != nullptr && found->IsString() ? view(*found) : std::string_view{};
}

bool true_member(const rapidjson::Value& value, std::string_view name) {
  const rapidjson::Value* found = member(value, name);
  return found != nullptr && found->IsBool() && found->GetBool();
}

std::optional<double> number_member(const rapidjson::Value& value, std::string_view name) {
  const rapidjson::Value* found = member(value, name);
  if (found == nullptr || !found->IsNumber()) return std::nullopt;
  return found->GetDouble();
}

}  // namespace keywheel::testing
