#include "options.hpp"

#include "arguments.hpp"

namespace {

template <class T>
T required(std::optional<T> value, const char* name) {
  if (!value) throw UsageError(std::string(name) + " is missing");
  return *std::move(value);
}

}  // namespace

Options read_options(int argc, char** argv) {
  Arguments arguments(argc, argv);
  Options options;
  options.help = arguments.flag("--help") || arguments.flag("-h");
  if (options.help) return options;
  options.config = required(arguments.value("--config"), "--config");
  options.model = required(arguments.value("--model"), "--model");
  options.requests = required(arguments.number<std::uint64_t>("--requests", 1), "--requests");
  options.threads = arguments.number<unsigned>("--threads", 1).value_or(0);
  const auto concurrency = arguments.number<std::uint64_t>("--concurrency", 1);
  options.concurrency = options.threads > 0 ? options.threads : required(concurrency, "--concurrency");
  options.rate = arguments.number<double>("--rate", 1e-6).value_or(0);
  const double seconds = arguments.number<double>("--deadline", 0.001).value_or(0);
  if (seconds > 1e9) throw UsageError("--deadline: that is for ever; leave it out");
  options.deadline = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::duration<double>(seconds));
  options.prompt = arguments.value("--prompt").value_or("Hello");
  options.stream = arguments.flag("--stream");
  options.json = arguments.flag("--json");
  if (!arguments.words().empty()) throw UsageError("the prompt comes with --prompt");
  return options;
}
