#include "config/credential_files.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <system_error>

#include <fmt/format.h>

#include "config/wiped_string.hpp"
#include "wipe.hpp"
#include "wire/json.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

// A service account's file has two and a half thousand bytes.
constexpr std::size_t kLargestFile = 64U << 10U;

struct Close {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};

bool is_json(std::string_view text) noexcept {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '{';
}

/// Reads a whole file; returns what went wrong, or nothing.
std::string read_file(const std::string& path, WipedString& into) {
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "rbe"));
  if (!file) return std::error_code(errno, std::generic_category()).message();
  std::setvbuf(file.get(), nullptr, _IONBF, 0);  // a buffer of its own would keep a copy of the key
  std::array<char, 4096> piece{};
  std::string fault;
  for (std::size_t size = 0; (size = std::fread(piece.data(), 1, piece.size(), file.get())) > 0;) {
    if (into.view().size() + size > kLargestFile) {
      fault = "the file is too long to be a service account's";
      break;
    }
    into.append({piece.data(), size});
  }
  if (fault.empty() && std::ferror(file.get()) != 0) fault = "the file cannot be read";
  wipe(piece.data(), piece.size());
  return fault;
}

}  // namespace

std::vector<std::string> read_credential_files(ServiceConfig& service) {
  std::vector<std::string> faults;
  for (std::size_t i = 0; i < service.credentials.size(); ++i) {
    CredentialConfig& credential = service.credentials[i];
    const auto field = credential.fields.find("json_file");
    if (field == credential.fields.end() || field->second.empty()) continue;
    if (!is_json(field->second.reveal())) {
      const std::string path(field->second.reveal());
      WipedString text(kLargestFile);
      if (std::string fault = read_file(path, text); !fault.empty()) {
        faults.push_back(fmt::format("credentials[{}].json_file: {} ({})", i, fault, path));
        continue;
      }
      if (!is_json(text.view())) {
        faults.push_back(
            fmt::format("credentials[{}].json_file: expected the JSON of a service account in {}", i, path));
        continue;
      }
      field->second = Secret(text.view());
    }
    JsonDoc doc;
    if (!doc.parse(field->second.reveal())) continue;  // the Transport's check says what is wrong with it
    const std::string_view project = doc.root()["project_id"].string();
    if (!project.empty() && credential.fields["project_id"].empty()) credential.fields["project_id"] = Secret(project);
  }
  return faults;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
