#include <algorithm>
#include <iterator>
#include <utility>

#include <keywheel/router.hpp>

#include <fmt/format.h>

#include "router/core.hpp"
#include "router/operation.hpp"

/// Embeddings, in batches of the provider's size, and listings.

KEYWHEEL_BEGIN_NAMESPACE
namespace {

void add(std::optional<std::int64_t>& to, const std::optional<std::int64_t>& more) {
  if (more) to = to.value_or(0) + *more;
}

void append(EmbeddingResponse& to, EmbeddingResponse batch, ChatResponse reply) {
  std::move(batch.embeddings.begin(), batch.embeddings.end(), std::back_inserter(to.embeddings));
  add(to.usage.prompt_tokens, batch.usage.prompt_tokens);
  add(to.usage.total_tokens, batch.usage.total_tokens);
  to.model = batch.model.empty() ? std::move(reply.model) : std::move(batch.model);
  to.provider = std::move(reply.provider);
  to.service = std::move(reply.service);
  to.credential = std::move(reply.credential);
  std::move(reply.attempts.begin(), reply.attempts.end(), std::back_inserter(to.attempts));
  for (std::string& warning : reply.warnings) {
    if (std::find(to.warnings.begin(), to.warnings.end(), warning) == to.warnings.end())
      to.warnings.push_back(std::move(warning));
  }
}

/// Every service that may serve the model takes a batch of this size.
Result<std::size_t> batch_size(const detail::Snapshot& snapshot, const EmbeddingRequest& request) {
  auto candidates = snapshot.routes.find(request.model, detail::Routes::Kind::embedding);
  if (!candidates) return std::move(candidates).error();
  std::size_t size = request.input.size();
  for (const detail::Candidate& candidate : *candidates) {
    size = std::min(size, snapshot.services[candidate.service].transport->embedding_batch(candidate.model));
  }
  return std::max<std::size_t>(size, 1);
}

}  // namespace

Result<EmbeddingResponse> Router::embed(const EmbeddingRequest& request) {
  EmbeddingResponse whole;
  if (request.input.empty()) {
    return Error{.kind = ErrorKind::invalid_request,
                 .message = "EmbeddingRequest::input is empty: there is nothing to embed"};
  }
  const auto size = batch_size(*core_->snapshot(), request);
  if (!size) return size.error();
  for (std::size_t at = 0; at < request.input.size(); at += *size) {
    const auto first = request.input.begin() + static_cast<std::ptrdiff_t>(at);
    const auto last = first + static_cast<std::ptrdiff_t>(std::min(*size, request.input.size() - at));
    auto operation = std::make_unique<detail::EmbeddingOperation>(request, std::vector<std::string_view>(first, last));
    const auto answer = operation->answer_holder();
    Result<ChatResponse> reply = core_->run(std::move(operation));
    if (!reply) {
      // Attempts of the batches before belong to this call, too.
      Error error = std::move(reply).error();
      error.attempts.insert(error.attempts.begin(), whole.attempts.begin(), whole.attempts.end());
      return error;
    }
    append(whole, std::move(*answer), *std::move(reply));
  }
  return whole;
}

Result<std::vector<ModelInfo>> Router::list_models(std::string_view service) {
  const auto snapshot = core_->snapshot();
  if (snapshot->services.empty()) return Error{.kind = ErrorKind::config, .message = "the config has no services"};
  const detail::ServiceEntry* entry = service.empty() ? &snapshot->services.front() : snapshot->service(service);
  if (entry == nullptr) {
    return Error{.kind = ErrorKind::not_found,
                 .message = fmt::format("there is no service with the id \"{}\"", service)};
  }
  auto operation = std::make_unique<detail::ListingOperation>(entry->config.id);
  const auto answer = operation->answer_holder();
  Result<ChatResponse> reply = core_->run(std::move(operation));
  if (!reply) return std::move(reply).error();
  return std::move(*answer);
}

KEYWHEEL_END_NAMESPACE
