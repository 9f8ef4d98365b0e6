#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywheel/config.hpp>

#include "config/json_tree.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

class Reader;

/// One key of a JSON object that is read into a T. The tables of these, in keys.cpp, proxy.cpp and document.cpp, are
/// the config format: what is not in them is unknown.
template <class T>
struct Key {
  std::string_view name;
  void (*read)(Reader& reader, const JsonNode& value, T& into);  ///< null: accepted, but not used
  std::string_view note{};                                       ///< of a key that is not used: why
};

/// The `read` of a key whose value goes into one member, found by following `Path` from a T.
template <class T, auto... Path>
void member(Reader& reader, const JsonNode& value, T& into);

/// A fault at a place in the text.
struct TextFault {
  std::size_t offset = 0;
  std::string path{};
  std::string text{};
};

/// Turns values of the tree into values of config structs, and collects every fault and warning on the way.
class Reader {
 public:
  std::vector<TextFault> faults{};
  std::vector<std::string> warnings{};

  /// Where the reader is: "services.xinghuo[0].limit".
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::string path_to(std::string_view key) const;

  void fault(const JsonNode& at, std::string text);
  void warn(std::string text);

  /// Goes into a member or an item for as long as the object lives.
  class Step {
   public:
    Step(Reader& reader, std::string_view key);
    Step(Reader& reader, std::size_t index);
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;
    ~Step() { reader_.path_.resize(length_); }

   private:
    Reader& reader_;
    std::size_t length_;
  };

  /// While set, a `${NAME}` that the environment lacks is a warning: what is switched off needs no keys.
  void set_lenient(bool lenient) noexcept { lenient_ = lenient; }

  /// False, and a fault: the value is of another type. The value itself is never repeated.
  bool expect(const JsonNode& value, JsonNode::Type type, std::string_view expected = {});

  void read(const JsonNode& value, bool& into);
  void read(const JsonNode& value, double& into);
  void read(const JsonNode& value, std::int64_t& into);
  void read(const JsonNode& value, std::string& into);
  void read(const JsonNode& value, Secret& into);
  /// A number of seconds, with fractions.
  void read(const JsonNode& value, std::chrono::milliseconds& into);
  void read(const JsonNode& value, Rotation& into);
  /// Strings; blanks around them go, and so do empty ones.
  void read(const JsonNode& value, std::vector<std::string>& into);
  void read(const JsonNode& value, std::map<std::string, std::string>& into);
  void read(const JsonNode& value, std::map<std::string, double>& into);

  // Objects of the format; their keys stand in keys.cpp.
  void read(const JsonNode& value, Limits& into);
  void read(const JsonNode& value, Timeouts& into);
  void read(const JsonNode& value, RetryPolicy& into);
  void read(const JsonNode& value, CircuitBreakerConfig& into);
  void read(const JsonNode& value, TlsConfig& into);
  void read(const JsonNode& value, Bounds& into);
  void read(const JsonNode& value, HedgeConfig& into);
  void read(const JsonNode& value, CredentialConfig& into);
  /// A list of models, or an object with one for each case.
  void read(const JsonNode& value, FallbackConfig& into);
  void read(const JsonNode& value, Price& into);
  void read(const JsonNode& value, ChargingRule& into);
  /// Objects by names that are the config's own.
  template <class T>
  requires(!std::same_as<T, std::string>) void read(const JsonNode& value, std::map<std::string, T>& into) {
    if (!expect(value, JsonNode::Type::object)) return;
    for (const JsonNode& child : value.children) {
      const Step step(*this, child.key);
      if (child.type != JsonNode::Type::null) read(child, into[std::string(child.key)]);
    }
  }

  template <std::integral I>
  requires(!std::same_as<I, bool> && !std::same_as<I, std::int64_t>) void read(const JsonNode& value, I& into) {
    std::int64_t wide = 0;
    const std::size_t before = faults.size();
    read(value, wide);
    if (faults.size() != before) return;
    if (!std::in_range<I>(wide)) {
      fault(value, std::in_range<I>(0) && wide < 0 ? "expected 0 or more" : "expected a smaller number");
      return;
    }
    into = static_cast<I>(wide);
  }

  /// Reads every known key of an object into `into`. A key not in the table goes to `other`, or is warned of.
  template <class T>
  void read_object(const JsonNode& object, T& into, std::span<const Key<T>> keys,
                   void (*other)(Reader&, const JsonNode&, T&) = nullptr);

  /// Warns of a key that nobody knows, with the known one that was probably meant.
  void unknown_key(const JsonNode& value, std::span<const std::string_view> known);

 private:
  void not_used(const JsonNode& value, std::string_view note);
  void given_twice(const JsonNode& value, std::string_view first);
  /// The string with its `${NAME}`s replaced; nothing, and a fault: one is missing.
  std::optional<Secret> expand(const JsonNode& value);

  std::string path_{};
  bool lenient_ = false;
};

template <class T, auto... Path>
void member(Reader& reader, const JsonNode& value, T& into) {
  reader.read(value, (into.*....*Path));
}

template <class T>
void Reader::read_object(const JsonNode& object, T& into, std::span<const Key<T>> keys,
                         void (*other)(Reader&, const JsonNode&, T&)) {
  if (!expect(object, JsonNode::Type::object)) return;
  // Two names of one setting, both given, would leave it to their order which holds.
  std::vector<const Key<T>*> given;
  for (const JsonNode& value : object.children) {
    const Key<T>* key = nullptr;
    for (const Key<T>& candidate : keys) {
      if (candidate.name == value.key) key = &candidate;
    }
    const Step step(*this, value.key);
    if (key == nullptr) {
      if (other != nullptr) {
        other(*this, value, into);
        continue;
      }
      std::vector<std::string_view> names;
      for (const Key<T>& candidate : keys) names.push_back(candidate.name);
      unknown_key(value, names);
    } else if (value.type == JsonNode::Type::null) {
      continue;  // as if it were not there
    } else if (key->read == nullptr) {
      not_used(value, key->note);
    } else {
      for (const Key<T>* earlier : given) {
        if (earlier->read == key->read && earlier->name != key->name) given_twice(value, earlier->name);
      }
      given.push_back(key);
      key->read(*this, value, into);
    }
  }
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
