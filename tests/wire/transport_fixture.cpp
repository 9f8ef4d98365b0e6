#include "wire/transport_fixture.hpp"

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "providers/text.hpp"

namespace keywheel::testing {
namespace {

bool same(detail::JsonValue a, detail::JsonValue b) {
  if (a.is_object() && b.is_object()) {
    if (a.size() != b.size()) return false;
    for (const auto& [name, value] : a.members()) {
      if (!b[name].exists() || !same(value, b[name])) return false;
    }
    return true;
  }
  if (a.is_array() && b.is_array()) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (!same(a.at(i), b.at(i))) return false;
    }
    return true;
  }
  if (a.is_string() && b.is_string()) return a.string() == b.string();
  if (a.is_number() && b.is_number()) return a.number() == b.number();
  return a.raw() == b.raw();
}

std::string place(const ChatEvent& e) { return e.choice == 0 ? std::string() : fmt::format("{}:", e.choice); }

}  // namespace

void Heard::event(const ChatEvent& e) {
  using Type = ChatEvent::Type;
  std::string lead;
  switch (e.type) {
    case Type::start:
      lines.push_back(fmt::format("start {} {}", e.id, e.model));
      break;
    case Type::text:
      lead = place(e) + "text ";
      break;
    case Type::reasoning:
      lead = place(e) + "reasoning ";
      break;
    case Type::refusal:
      lead = place(e) + "refusal ";
      break;
    case Type::tool_call:
      lead = fmt::format("{}call {} ", place(e), e.index);
      if (!e.name.empty()) {
        lines.push_back(fmt::format("{}open {} {} {} {}", place(e), e.index, e.id, e.name, e.signature));
        joined.clear();
      }
      break;
    case Type::part:
      lines.push_back(fmt::format("{}part {}", place(e), e.delta));
      break;
    case Type::logprobs:
      lines.push_back(fmt::format("{}logprobs {}", place(e), e.delta));
      break;
    case Type::finish:
      lines.push_back(fmt::format("{}finish {} {}", place(e), to_string(e.finish_reason), e.native));
      break;
    case Type::usage:
      usage = e.usage;
      return;
    case Type::resumed:
      lines.emplace_back("resumed");
      break;
  }
  if (lead.empty()) {
    joined.clear();
    return;
  }
  if (!e.delta.empty()) {
    if (joined == lead) {
      lines.back() += e.delta;
    } else {
      lines.push_back(lead + std::string(e.delta));
      joined = lead;
    }
  }
  if (e.type == Type::reasoning && !e.signature.empty()) {
    lines.push_back(place(e) + "signature " + std::string(e.signature));
    joined.clear();
  }
}

Heard hear(const Transport& transport, const Target& target, std::string_view body, std::size_t size,
           const Bounds& bounds) {
  Heard heard;
  const HttpHead head{.status = 200, .headers = {}};
  const std::unique_ptr<Decoder> decoder = transport.decoder(head, target, bounds);
  if (size == 0) size = body.size();
  for (std::size_t i = 0; i < body.size() && !heard.failure; i += size) {
    const std::string_view piece = body.substr(i, size);
    const std::vector<char> copy(piece.begin(), piece.end());
    heard.failure = decoder->feed({copy.data(), copy.size()}, heard);
  }
  if (!heard.failure) heard.failure = decoder->finish(heard);
  return heard;
}

Heard hear_cut(const Transport& transport, const Target& target, std::string_view body) {
  const Heard whole = hear(transport, target, body);
  const auto compare = [&whole](const Heard& other) {
    CHECK(other.lines == whole.lines);
    CHECK(other.extras == whole.extras);
    CHECK(other.failure.has_value() == whole.failure.has_value());
    CHECK(other.usage.total_tokens == whole.usage.total_tokens);
  };
  for (std::size_t size = 1; size < body.size(); size = size < 40 ? size + 1 : size * 2) {
    compare(hear(transport, target, body, size));
  }
  for (std::size_t at = 1; at < body.size(); ++at) {
    Heard heard;
    const std::unique_ptr<Decoder> decoder = transport.decoder(HttpHead{.status = 200, .headers = {}}, target, {});
    for (const std::string_view piece : {body.substr(0, at), body.substr(at)}) {
      const std::vector<char> copy(piece.begin(), piece.end());
      if (!heard.failure) heard.failure = decoder->feed({copy.data(), copy.size()}, heard);
    }
    if (!heard.failure) heard.failure = decoder->finish(heard);
    compare(heard);
  }
  return whole;
}

std::string_view header(const HttpRequest& request, std::string_view name) {
  for (const HttpHeader& one : request.headers) {
    if (detail::equal_ignoring_case(one.name, name)) return one.value;
  }
  return {};
}

bool same_json(std::string_view a, std::string_view b) {
  detail::JsonDoc first;
  detail::JsonDoc second;
  return first.parse(a) && second.parse(b) && same(first.root(), second.root());
}

}  // namespace keywheel::testing
