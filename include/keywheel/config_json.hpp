#pragma once

#include <filesystem>
#include <string_view>

#include <keywheel/config.hpp>
#include <keywheel/error.hpp>

KEYWHEEL_BEGIN_NAMESPACE

/// Reads a config in the simple-one-api format, with keywheel's additions. The error (ErrorKind::config) lists every
/// fault at once, each with line, column and path (`services.xinghuo[0].limit.qps`), and no secret. What is accepted
/// but concerns a gateway only, and advice that the config does not follow, is in RouterConfig::warnings.
/// `${NAME}` in a string is replaced by that environment variable.
[[nodiscard]] KEYWHEEL_EXPORT Result<RouterConfig> parse_config(std::string_view json);
[[nodiscard]] KEYWHEEL_EXPORT Result<RouterConfig> load_config(const std::filesystem::path& file);

/// A config with one service for each provider whose key is in the environment (OPENAI_API_KEY, ANTHROPIC_API_KEY, …; a
/// plural name, OPENAI_API_KEYS, holds several, separated by commas). Without any, the error says what to set.
[[nodiscard]] KEYWHEEL_EXPORT Result<RouterConfig> config_from_environment();

KEYWHEEL_END_NAMESPACE
