#pragma once

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "support/json.hpp"
#include "support/loopback_provider.hpp"
#include "support/process.hpp"

namespace keywheel::testing {

/// A file that is gone with this object.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view content) {
    std::string name = (std::filesystem::temp_directory_path() / "keywheel-test-XXXXXX").string();
    const int fd = ::mkstemp(name.data());
    REQUIRE(fd >= 0);
    ::close(fd);
    path_ = std::move(name);
    std::ofstream(path_, std::ios::binary) << content;
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { std::remove(path_.c_str()); }

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_{};
};

/// A provider, a config with some keys of it, and the two programs. Every output is searched for the keys.
struct CliFixture {
  explicit CliFixture(std::vector<std::string> the_keys = {"sk-first-0001", "sk-second-0002"}, std::string extra = {})
      : keys(std::move(the_keys)), config(config_text(extra)) {
    if (chat().empty()) SKIP("the examples are not built");
  }

  static std::string chat() { return KEYWHEEL_CHAT; }
  static std::string load() { return KEYWHEEL_LOAD; }

  /// The JSON of the config; the keys are taken in turn, the first first. `extra`: more members of the service.
  [[nodiscard]] std::string config_text(const std::string& extra) const {
    std::string credentials;
    for (const std::string& key : keys) {
      credentials += fmt::format("{}{{\"api_key\":\"{}\"}}", credentials.empty() ? "" : ",", key);
    }
    return fmt::format(
        R"({{"load_balancing":"first","services":{{"openai":[{{"enabled":true,"server_url":"{}/v1",
            "models":["small","large"],"credential_list":[{}]{}}}]}}}})",
        provider.url(), credentials, extra);
  }

  ProcessResult run(std::vector<std::string> arguments, Process::Options options = {}) const {
    ProcessResult result = run_process(std::move(arguments), std::move(options));
    check_secrets(result);
    return result;
  }

  /// keywheel-chat with the config.
  ProcessResult run_chat(std::vector<std::string> arguments, Process::Options options = {}) const {
    arguments.insert(arguments.begin(), {chat(), "--config", config.path()});
    return run(std::move(arguments), std::move(options));
  }
  ProcessResult run_load(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {load(), "--config", config.path(), "--json"});
    return run(std::move(arguments));
  }

  void check_secrets(const ProcessResult& result) const {
    for (const std::string& key : keys) {
      CHECK(result.out.find(key) == std::string::npos);
      CHECK(result.err.find(key) == std::string::npos);
    }
  }

  std::vector<std::string> keys;
  LoopbackProvider provider{};
  TemporaryFile config;
};

/// Each line of an output, parsed.
inline std::vector<rapidjson::Document> json_lines(std::string_view out) {
  std::vector<rapidjson::Document> lines;
  while (!out.empty()) {
    const std::size_t end = out.find('\n');
    REQUIRE(end != std::string_view::npos);
    lines.push_back(parse_json(out.substr(0, end)));
    CHECK(lines.back().IsObject());
    out.remove_prefix(end + 1);
  }
  return lines;
}

inline rapidjson::Document json_line(std::string_view out) {
  std::vector<rapidjson::Document> lines = json_lines(out);
  REQUIRE(lines.size() == 1);
  return std::move(lines.front());
}

}  // namespace keywheel::testing
