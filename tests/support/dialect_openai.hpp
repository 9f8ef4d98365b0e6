#pragma once

#include <memory>

#include "support/dialect.hpp"

namespace keywheel::testing {

/// OpenAI's chat completions, embeddings and model listing: every path that ends in /chat/completions, /embeddings or
/// /models, with a Bearer key (or `api-key`, as Azure has it).
/// https://platform.openai.com/docs/api-reference/chat
[[nodiscard]] std::unique_ptr<Dialect> openai_dialect();

}  // namespace keywheel::testing
