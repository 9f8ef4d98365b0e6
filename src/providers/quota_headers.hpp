#pragma once

#include <string_view>
#include <vector>

#include <keywheel/transport.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// What an answer's headers say of limits, in every vendor's spelling that is known:
///
///   x-ratelimit-{limit,remaining,reset}-{requests,tokens}         OpenAI, Azure, Groq, xAI, Qianfan
///   x-ratelimit-renewalperiod-{requests,tokens}                   Azure: the window, in seconds
///   x-ratelimit-{limit,…}-{requests,tokens}-{minute,hour,day}     Cerebras, Hugging Face
///   x-ratelimit-{limit,…}-{req,tokens}-minute                     Mistral
///   x-ratelimit-{limit,…}[-minute], ratelimit-{limit,…}           Kong; the IETF's draft of 2021
///   anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}
///   anthropic-ratelimit-unified-{5h,7d}-{status,reset}            of a subscription: only that it is used up
///   x-ratelimit-over-limit                                        Fireworks
///   anthropic-organization-id, openai-organization, openai-project
///
/// Resets come as Go's durations ("6m0s", "12ms"), as seconds with or without a fraction, as RFC 3339 and as Unix time
/// in seconds or milliseconds; times are taken against the answer's own Date, since our clock may be off. A window that
/// is not stated stays 0: what it means there differs by provider, and stands in src/pool/provider_rules.cpp. Numbers
/// that cannot be meant (negative, beyond all counting) are left out.
[[nodiscard]] StatedQuota read_quota_headers(const HttpHead& head, WallTime now);

/// The limit that the words of an error name: "on tokens per min (TPM): Limit 30000, Used 29000, Requested 2000"
/// (OpenAI, Groq), "rate limit of 50,000 input tokens per minute" (Anthropic). Only the limit: how long to wait is
/// another matter.
[[nodiscard]] std::vector<StatedLimit> limits_in_text(std::string_view text);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
