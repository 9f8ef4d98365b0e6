#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <iterator>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <keywheel/config_json.hpp>

#include <fmt/format.h>

#include "config/document.hpp"
#include "config/json_tree.hpp"
#include "config/reader.hpp"
#include "config/validate.hpp"
#include "wipe.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace {

using namespace detail;

Error config_error(std::string message) { return {.kind = ErrorKind::config, .message = std::move(message)}; }

/// All faults, in the order of the text, one a line. `name` is the file's, or empty.
Error faults_error(std::string_view name, std::string_view text, std::vector<TextFault> faults) {
  std::stable_sort(faults.begin(), faults.end(), [](const auto& a, const auto& b) { return a.offset < b.offset; });
  constexpr std::size_t kMostLines = 100;
  std::vector<std::string> lines;
  for (const TextFault& fault : faults) {
    if (lines.size() == kMostLines) break;
    const TextPosition at = position_of(text, fault.offset);
    std::string line = name.empty() ? fmt::format("line {}, column {}: ", at.line, at.column)
                                    : fmt::format("{}:{}:{}: ", name, at.line, at.column);
    if (!fault.path.empty()) line += fmt::format("{}: ", fault.path);
    line += fault.text;
    // One proxy, say, is checked with each service that takes it.
    if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(std::move(line));
  }
  if (faults.size() > kMostLines) lines.push_back(fmt::format("… and {} more", faults.size() - kMostLines));
  if (lines.size() == 1) return config_error(std::move(lines.front()));
  return config_error(fmt::format("{} faults in the config\n{}", lines.size(), fmt::join(lines, "\n")));
}

Result<RouterConfig> parse(std::string_view name, std::string_view text) {
  const JsonTree tree(text);
  Reader reader;
  for (const JsonFault& fault : tree.faults()) reader.faults.push_back({fault.offset, {}, fault.text});
  if (!tree.well_formed()) return faults_error(name, text, std::move(reader.faults));

  Document document;
  read_document(reader, tree.root(), document);
  const bool readable = reader.faults.empty();
  document.config.warnings = std::move(reader.warnings);
  for (ConfigFault& fault : check(document.config)) {
    // Services that could not be read are not missing.
    if (fault.path == "services" && !readable) continue;
    Place place = locate(document, tree.root(), fault.path);
    reader.faults.push_back({place.node->offset, std::move(place.path), std::move(fault.text)});
  }
  if (!reader.faults.empty()) return faults_error(name, text, std::move(reader.faults));
  return std::move(document.config);
}

struct CloseFile {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};

/// The file's bytes, which hold keys: wiped in the end.
class FileText {
 public:
  FileText() = default;
  FileText(const FileText&) = delete;
  FileText& operator=(const FileText&) = delete;
  ~FileText() { wipe(bytes_.data(), bytes_.size()); }

  /// Empty: it has been read; else why not.
  std::string read(const std::string& path) {
    errno = 0;
    const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rbe"));
    if (!file) return reason();
    // Unbuffered, so that no copy of a key stays in the stream's own memory.
    std::setvbuf(file.get(), nullptr, _IONBF, 0);
    std::vector<char> bytes(kFirstSize);
    std::swap(bytes, bytes_);
    while (true) {
      if (size_ == bytes_.size()) grow();
      const std::size_t got = std::fread(bytes_.data() + size_, 1, bytes_.size() - size_, file.get());
      size_ += got;
      if (size_ > kMaxTreeBytes) return fmt::format("longer than {} bytes", kMaxTreeBytes);
      if (got == 0) break;
    }
    return std::ferror(file.get()) != 0 ? reason() : std::string();
  }

  [[nodiscard]] std::string_view view() const noexcept { return {bytes_.data(), size_}; }

 private:
  static constexpr std::size_t kFirstSize = 64U << 10U;

  static std::string reason() { return std::error_code(errno, std::generic_category()).message(); }

  void grow() {
    std::vector<char> larger(bytes_.size() * 2);
    std::copy(bytes_.begin(), bytes_.end(), larger.begin());
    wipe(bytes_.data(), bytes_.size());
    bytes_ = std::move(larger);
  }

  std::vector<char> bytes_{};
  std::size_t size_ = 0;
};

}  // namespace

Result<RouterConfig> parse_config(std::string_view json) { return parse({}, json); }

Result<RouterConfig> load_config(const std::filesystem::path& file) {
  const std::string name = file.string();
  if (const std::string kind = file.extension().string(); kind == ".yml" || kind == ".yaml") {
    return config_error(fmt::format("{}: YAML is not read; expected the same config as JSON", name));
  }
  FileText text;
  if (const std::string failure = text.read(name); !failure.empty()) {
    return config_error(fmt::format("{}: cannot be read: {}", name, failure));
  }
  return parse(name, text.view());
}

KEYWHEEL_END_NAMESPACE
