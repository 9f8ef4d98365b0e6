#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <keywheel/config_json.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <unistd.h>

using namespace keywheel;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Equals;
using Catch::Matchers::StartsWith;

namespace {

/// A directory of its own, gone in the end.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "keywheel-config-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  [[nodiscard]] std::filesystem::path file(std::string_view name, std::string_view content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;
    return path_ / name;
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace

TEST_CASE("a config file is read", "[config]") {
  const Folder folder;
  const Result<RouterConfig> config =
      load_config(folder.file("config.json", R"({"services":{"openai":[{"enabled":true}]}})"));
  REQUIRE(config);
  CHECK(config->services.at(0).id == "openai-1");
}

TEST_CASE("a fault in a file names the file as compilers do", "[config]") {
  const Folder folder;
  const std::filesystem::path file = folder.file("config.json", "{\n \"services\": 3}");
  const Result<RouterConfig> config = load_config(file);
  REQUIRE_FALSE(config);
  CHECK_THAT(config.error().message, Equals(file.string() + ":2:14: services: expected an object, came a number"));
}

TEST_CASE("a file that cannot be read says why", "[config]") {
  const Folder folder;
  const auto fault = [](const std::filesystem::path& file) {
    const Result<RouterConfig> config = load_config(file);
    REQUIRE_FALSE(config);
    CHECK(config.error().kind == ErrorKind::config);
    return config.error().message;
  };
  CHECK_THAT(fault(folder.path() / "none.json"), ContainsSubstring("cannot be read: No such file or directory"));
  CHECK_THAT(fault(folder.path()), ContainsSubstring("cannot be read: Is a directory"));
  CHECK_THAT(fault(folder.path() / "config.yaml"), ContainsSubstring("YAML is not read"));
  CHECK_THAT(fault(folder.path() / "config.yml"), ContainsSubstring("YAML is not read"));
  CHECK_THAT(fault(folder.file("large.json", std::string((16U << 20U) + 1, ' '))), ContainsSubstring("longer than"));
  CHECK_THAT(fault(folder.file("blank.json", std::string(1U << 20U, ' '))), ContainsSubstring("empty"));
}
