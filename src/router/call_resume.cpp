#include <algorithm>
#include <utility>

#include "router/call.hpp"

/// A broken stream, gone on with by another attempt.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

Resumption CallState::resumption(std::size_t stop) const {
  const ServiceEntry& entry = service(stop);
  return operation_->resumption(*entry.transport, entry.config, model(stop));
}

/// What was shown is plain text of one answer, cut off in the middle: nothing else can be gone on with. A piece of a
/// tool call may have been acted on; a thought is not the answer's beginning; after a refusal there is nothing to say.
bool CallState::can_resume(const Failure& failure) const {
  if (!options_.resume.value_or(snapshot_->config.resume) || failure.failure == FailureClass::output) return false;
  if (!whole_.only_text() || Seam::beginning(whole_.text()).empty()) return false;
  return std::any_of(stops_.begin(), stops_.end(), [this](const Stop& stop) {
    return !stop.out && resumption(static_cast<std::size_t>(&stop - stops_.data())) != Resumption::none;
  });
}

/// False: the call has failed meanwhile.
bool CallState::prepare_resume(const Failure& failure) {
  // Where an attempt that went on failed before it said anything, the stream still broke for the first reason.
  const std::string text = whole_.text();
  if (!resuming_ || text.size() != resumed_at_) broken_ = error_of(last_stop_, failure);
  resumed_at_ = text.size();
  resuming_ = true;
  for (std::size_t i = 0; i < stops_.size(); ++i) stops_[i].out = stops_[i].out || resumption(i) == Resumption::none;
  operation_->resume(Seam::beginning(text));
  return estimate();
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
