#pragma once

#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace keywheel::testing {

struct ProcessResult {
  int status = -1;  ///< exit status; 128 + the signal that ended it
  std::string out{};
  std::string err{};
};

/// A child process, for tests that drive a program from outside. Its environment is only what it is given.
class Process {
 public:
  struct Options {
    std::string input{};  ///< its standard input, which then ends
    std::map<std::string, std::string> environment{};
    bool terminal = false;  ///< standard input is a terminal, on which `input` is typed, and then end of file
  };

  /// Starts `arguments[0]`. Throws std::system_error when it cannot.
  explicit Process(std::vector<std::string> arguments) : Process(std::move(arguments), Options{}) {}
  Process(std::vector<std::string> arguments, Options options);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();  ///< kills it, if nobody has waited for it

  void signal(int number) const;
  [[nodiscard]] ProcessResult wait();

 private:
  int pid_ = -1;
  ProcessResult result_{};
  std::vector<std::thread> threads_{};
};

[[nodiscard]] ProcessResult run_process(std::vector<std::string> arguments, Process::Options options = {});

}  // namespace keywheel::testing
