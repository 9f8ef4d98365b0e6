#include "router/leg.hpp"

#include <utility>

#include "router/call.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

// The leg may be gone when this returns, and when the last of these does.
void Leg::on_attempt_sent() { call_.on_sent(*this); }
void Leg::on_attempt_event(const ChatEvent& event) { call_.on_event(*this, event); }
void Leg::on_attempt_extra(std::string_view name, std::string_view json) { call_.on_extra(*this, name, json); }
void Leg::on_attempt_end(std::optional<Failure> failure) { call_.on_end(*this, std::move(failure)); }

}  // namespace detail
KEYWHEEL_END_NAMESPACE
