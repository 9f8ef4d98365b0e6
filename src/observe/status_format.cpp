#include <iterator>
#include <ostream>
#include <string>

#include <keywheel/credential_pool.hpp>

#include <fmt/format.h>

KEYWHEEL_BEGIN_NAMESPACE

std::ostream& operator<<(std::ostream& out, const CredentialStatus& status) {
  std::string line =
      fmt::format("{}: {}, {} requests, {} ok", status.id, to_string(status.state), status.requests, status.successes);
  const auto add = std::back_inserter(line);
  for (const auto& [kind, count] : status.failures) fmt::format_to(add, ", {} {}", count, to_string(kind));
  if (status.cancelled != 0) fmt::format_to(add, ", {} cancelled", status.cancelled);
  fmt::format_to(add, ", {} prompt and {} completion tokens", status.prompt_tokens, status.completion_tokens);
  if (status.estimated_tokens != 0) fmt::format_to(add, " ({} estimated)", status.estimated_tokens);
  if (status.cost > 0) fmt::format_to(add, ", cost {:g}", status.cost);
  if (status.in_flight != 0) fmt::format_to(add, ", {} in flight", status.in_flight);
  if (status.available_in == std::chrono::milliseconds::max()) {
    line += ", not available by itself";
  } else if (status.available_in.count() != 0) {
    fmt::format_to(add, ", available in {} ms", status.available_in.count());
  }
  if (!status.reason.empty()) fmt::format_to(add, " [{}]", status.reason);
  return out << line;
}

KEYWHEEL_END_NAMESPACE
