#include "support/process.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace keywheel::testing {
namespace {

[[noreturn]] void fail(int error, const char* what) { throw std::system_error(error, std::generic_category(), what); }

/// Reads until the other end is closed.
void read_all(int fd, std::string& into) {
  std::array<char, 16384> bytes{};
  for (;;) {
    const ssize_t got = ::read(fd, bytes.data(), bytes.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    into.append(bytes.data(), static_cast<std::size_t>(got));
  }
  ::close(fd);
}

/// A child that does not read its input ends the writing, not this process.
void write_all(int fd, std::string_view bytes) {
  sigset_t pipe_signal;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe_signal, nullptr);
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) break;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

struct Pipe {
  int read = -1;
  int write = -1;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail(errno, "pipe2");
  return {ends[0], ends[1]};
}

/// The child's end, and ours, of a terminal.
Pipe make_terminal() {
  const int ours = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (ours < 0 || ::grantpt(ours) != 0 || ::unlockpt(ours) != 0) fail(errno, "posix_openpt");
  std::array<char, 128> name{};
  if (::ptsname_r(ours, name.data(), name.size()) != 0) fail(errno, "ptsname_r");
  const int childs = ::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (childs < 0) fail(errno, "open a terminal");
  return {childs, ours};
}

}  // namespace

Process::Process(std::vector<std::string> arguments, Options options) {
  const Pipe in = options.terminal ? make_terminal() : make_pipe();
  const Pipe out = make_pipe();
  const Pipe err = make_pipe();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.read, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.write, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.write, STDERR_FILENO);

  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::vector<std::string> variables;
  for (const auto& [name, value] : options.environment) variables.push_back(name + "=" + value);
  std::vector<char*> envp;
  for (std::string& variable : variables) envp.push_back(variable.data());
  envp.push_back(nullptr);

  const int error = ::posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), envp.data());
  posix_spawn_file_actions_destroy(&actions);
  ::close(in.read);
  ::close(out.write);
  ::close(err.write);
  if (error != 0) {
    ::close(in.write);
    ::close(out.read);
    ::close(err.read);
    pid_ = -1;
    fail(error, "posix_spawn");
  }
  threads_.emplace_back([fd = out.read, this] { read_all(fd, result_.out); });
  threads_.emplace_back([fd = err.read, this] { read_all(fd, result_.err); });
  threads_.emplace_back([fd = in.write, terminal = options.terminal, input = std::move(options.input)] {
    // Control-D on an empty line is the end of what is typed. What the terminal echoes is read, so that it never fills.
    write_all(fd, terminal ? input + "\x04" : input);
    if (terminal) {
      std::string echo;
      return read_all(fd, echo);
    }
    ::close(fd);
  });
}

Process::~Process() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  (void)wait();
}

void Process::signal(int number) const { ::kill(pid_, number); }

ProcessResult Process::wait() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  result_.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return std::move(result_);
}

ProcessResult run_process(std::vector<std::string> arguments, Process::Options options) {
  return Process(std::move(arguments), std::move(options)).wait();
}

}  // namespace keywheel::testing
