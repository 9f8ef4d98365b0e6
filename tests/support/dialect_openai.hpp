#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "support/dialect.hpp"
#include "support/dialect_base.hpp"

namespace keywheel::testing {

/// OpenAI's chat completions, embeddings and model listing: every path that ends in /chat/completions, /embeddings or
/// /models, with a Bearer key (or `api-key`, as Azure has it).
/// https://platform.openai.com/docs/api-reference/chat
[[nodiscard]] std::unique_ptr<Dialect> openai_dialect();

/// The same of a vendor that has taken it over, by its provider's name: its errors and its ways.
[[nodiscard]] std::unique_ptr<Dialect> compatible_dialect(std::string_view provider);

/// The refusals of a vendor by its provider's name; empty: it words them as OpenAI does.
[[nodiscard]] std::span<const Refusal> compatible_refusals(std::string_view provider);

}  // namespace keywheel::testing
