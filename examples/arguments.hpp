#pragma once

#include <charconv>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// A command line whose fault the user is told of.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Takes options off a command line, each by its name; what is left over are the words. "--" ends the options.
class Arguments {
 public:
  Arguments(int argc, char** argv) : left_(argv + 1, argv + argc) {}

  /// `--name` was given.
  bool flag(std::string_view name) {
    const std::optional<std::size_t> at = find(name);
    if (at) left_.erase(left_.begin() + static_cast<std::ptrdiff_t>(*at));
    return at.has_value();
  }

  /// The value of `--name VALUE` or `--name=VALUE`; of the last one, when it is given more than once.
  std::optional<std::string> value(std::string_view name) {
    std::optional<std::string> value;
    for (std::optional<std::size_t> at = find(name); at; at = find(name)) {
      const auto option = left_.begin() + static_cast<std::ptrdiff_t>(*at);
      if (option->size() > name.size()) {
        value = option->substr(name.size() + 1);
        left_.erase(option);
      } else {
        if (*at + 1 == end_of_options()) throw UsageError(std::string(name) + " needs a value");
        value = *(option + 1);
        left_.erase(option, option + 2);
      }
    }
    return value;
  }

  /// The same as a number of at least `least`.
  template <class Number>
  std::optional<Number> number(std::string_view name, Number least) {
    const std::optional<std::string> text = value(name);
    if (!text) return std::nullopt;
    Number number{};
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
    // Written so that NaN is refused too.
    if (error != std::errc{} || end != text->data() + text->size() || !(number >= least)) {
      throw UsageError(std::string(name) + ": \"" + *text + "\" is not a number it can take");
    }
    return number;
  }

  /// What no option took. Called last.
  std::vector<std::string> words() {
    const std::size_t end = end_of_options();
    std::vector<std::string> words;
    for (std::size_t i = 0; i < left_.size(); ++i) {
      const std::string& word = left_[i];
      if (i < end && word.size() > 1 && word.front() == '-') throw UsageError("unknown option " + word);
      if (i != end) words.push_back(word);
    }
    return words;
  }

 private:
  [[nodiscard]] std::size_t end_of_options() const {
    for (std::size_t i = 0; i < left_.size(); ++i) {
      if (left_[i] == "--") return i;
    }
    return left_.size();
  }

  [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const {
    const std::size_t end = end_of_options();
    for (std::size_t i = 0; i < end; ++i) {
      const std::string_view word = left_[i];
      if (word == name || (word.starts_with(name) && word[name.size()] == '=')) return i;
    }
    return std::nullopt;
  }

  std::vector<std::string> left_;
};
