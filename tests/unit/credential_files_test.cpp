#include "config/credential_files.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <unistd.h>

using namespace keywheel;
using keywheel::detail::read_credential_files;

namespace {

/// A file that is gone with the object.
class TempFile {
 public:
  explicit TempFile(std::string_view text)
      : path_(std::filesystem::temp_directory_path() / ("keywheel-credential-" + std::to_string(::getpid()))) {
    std::ofstream(path_, std::ios::binary) << text;
  }
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;
  ~TempFile() { std::filesystem::remove(path_); }
  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

ServiceConfig with(std::string value) {
  return {.provider = "vertexai", .credentials = {{.fields = {{"json_file", std::move(value)}}}}};
}

}  // namespace

TEST_CASE("json_file may be a path or the JSON itself", "[config]") {
  const std::string json = R"( {"type":"service_account","project_id":"p-1"})";
  const TempFile file(json);
  for (const std::string& value : {json, file.path()}) {
    ServiceConfig service = with(value);
    CHECK(read_credential_files(service).empty());
    CHECK(service.credentials[0].fields.at("json_file").reveal() == json);
    CHECK(service.credentials[0].fields.at("project_id").reveal() == "p-1");
  }
}

TEST_CASE("a project that the credential names is not changed by its file", "[config]") {
  ServiceConfig service = with(R"({"project_id":"p-1"})");
  service.credentials[0].fields["project_id"] = "mine";
  CHECK(read_credential_files(service).empty());
  CHECK(service.credentials[0].fields.at("project_id").reveal() == "mine");
}

TEST_CASE("a file that cannot be used is a fault that names its path", "[config]") {
  const TempFile text("sk-not-json");
  ServiceConfig service = with(text.path());
  const auto faults = read_credential_files(service);
  REQUIRE(faults.size() == 1);
  CHECK(faults[0].starts_with("credentials[0].json_file: "));
  CHECK(faults[0].find(text.path()) != std::string::npos);
  CHECK(faults[0].find("sk-not-json") == std::string::npos);
  ServiceConfig missing = with("/nowhere/at/all.json");
  CHECK(read_credential_files(missing).size() == 1);
  ServiceConfig folder = with(std::filesystem::temp_directory_path().string());
  CHECK(read_credential_files(folder).size() == 1);
}

TEST_CASE("a file longer than any credential is not read to its end", "[config]") {
  const TempFile file("{" + std::string(200'000, ' ') + "}");
  ServiceConfig service = with(file.path());
  const auto faults = read_credential_files(service);
  REQUIRE(faults.size() == 1);
  CHECK(faults[0].find("too long") != std::string::npos);
}

TEST_CASE("credentials without a file are left alone", "[config]") {
  ServiceConfig service{.credentials = {{.api_key = "k"}, {.fields = {{"json_file", ""}}}}};
  CHECK(read_credential_files(service).empty());
}
