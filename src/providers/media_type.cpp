#include "providers/media_type.hpp"

#include <array>
#include <utility>

#include "providers/text.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 31> kTypes = {{
    {"png", "image/png"},         {"jpg", "image/jpeg"},      {"jpeg", "image/jpeg"},    {"webp", "image/webp"},
    {"gif", "image/gif"},         {"heic", "image/heic"},     {"heif", "image/heif"},    {"bmp", "image/bmp"},
    {"avif", "image/avif"},       {"pdf", "application/pdf"}, {"txt", "text/plain"},     {"md", "text/markdown"},
    {"html", "text/html"},        {"css", "text/css"},        {"csv", "text/csv"},       {"xml", "text/xml"},
    {"json", "application/json"}, {"wav", "audio/wav"},       {"mp3", "audio/mp3"},      {"aiff", "audio/aiff"},
    {"aac", "audio/aac"},         {"ogg", "audio/ogg"},       {"flac", "audio/flac"},    {"m4a", "audio/m4a"},
    {"mp4", "video/mp4"},         {"mpeg", "video/mpeg"},     {"mpg", "video/mpeg"},     {"mov", "video/quicktime"},
    {"avi", "video/x-msvideo"},   {"webm", "video/webm"},     {"wmv", "video/x-ms-wmv"},
}};

}  // namespace

std::string_view media_type_of_name(std::string_view name) noexcept {
  name = name.substr(0, name.find_first_of("?#"));
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return {};
  for (const auto& [extension, type] : kTypes) {
    if (equal_ignoring_case(name.substr(dot + 1), extension)) return type;
  }
  return {};
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
