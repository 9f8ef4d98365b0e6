#include "options.hpp"

#include "arguments.hpp"

Options read_options(int argc, char** argv) {
  Arguments arguments(argc, argv);
  Options options;
  options.help = arguments.flag("--help") || arguments.flag("-h");
  options.config = arguments.value("--config");
  options.model = arguments.value("--model").value_or("");
  options.request = arguments.value("--request");
  options.session = arguments.value("--session").value_or("");
  options.region = arguments.value("--region").value_or("");
  options.repeat = arguments.number<long long>("--repeat", 1).value_or(1);
  const double seconds = arguments.number<double>("--deadline", 0.001).value_or(0);
  if (seconds > 1e9) throw UsageError("--deadline: that is for ever; leave it out");
  options.deadline = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::duration<double>(seconds));
  options.stream = arguments.flag("--stream");
  options.json = arguments.flag("--json");
  options.stats = arguments.flag("--stats");
  for (const std::string& word : arguments.words()) {
    if (!options.prompt.empty()) options.prompt += ' ';
    options.prompt += word;
  }
  if (options.request && !options.prompt.empty()) throw UsageError("a prompt and --request: one of the two");
  return options;
}
