#include "support/sim_provider.hpp"

#include <stdexcept>
#include <string_view>

namespace keywheel::testing {
namespace {

/// Path and query of a URL.
std::string target_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  const std::size_t host = scheme == std::string_view::npos ? 0 : scheme + 3;
  const std::size_t path = url.find_first_of("/?", host);
  return path == std::string_view::npos ? "/" : std::string(url.substr(path));
}

detail::ExchangeEnd lost() { return {.kind = detail::ExchangeEnd::Kind::lost, .message = "the connection broke"}; }

/// Cuts the body where the reply says, if it is as long as that.
void break_off(SimAnswer& answer, const Reply& reply) {
  const Cut& cut = *reply.cut;
  if (cut.from == Cut::From::start) throw std::logic_error("SimProvider: a cut counts from the body");
  std::size_t left = cut.after;
  std::size_t pieces = 0;
  while (pieces < answer.body.size() && answer.body[pieces].bytes.size() < left) {
    left -= answer.body[pieces++].bytes.size();
  }
  if (pieces == answer.body.size()) {
    if (left > 0) return;
  } else {
    answer.body[pieces].bytes.resize(left);
    answer.body.resize(pieces + (left > 0 ? 1 : 0));
  }
  answer.ends = cut.how != Cut::How::stall;
  const bool whole_by_close = cut.how == Cut::How::close && reply.framing == Reply::Framing::until_close;
  if (!whole_by_close) answer.end = lost();
}

}  // namespace

SimTravel SimProvider::travel(const HttpRequest& request, TimePoint now) {
  return travel_ ? travel_(request, now) : SimTravel{};
}

SimAnswer SimProvider::answer(const HttpRequest& request, TimePoint arrival) {
  ReceivedRequest received{.number = ++number_,
                           .arrived = arrival,
                           .method = request.method,
                           .target = target_of(request.url),
                           .headers = request.headers,
                           .body = request.body};
  Reply reply = engine_.handle(received);
  SimAnswer answer{.head_delay = reply.delay};
  if (reply.no_answer) {
    answer.end = lost();
    return answer;
  }
  if (!reply.hold.empty() || reply.more) throw std::logic_error("SimProvider: a reply that only sockets can give");
  answer.head = HttpHead{reply.status, std::move(reply.headers)};
  for (Piece& piece : reply.body) {
    if (!piece.hold.empty()) throw std::logic_error("SimProvider: a reply that only sockets can give");
    answer.body.push_back({piece.delay, std::move(piece.bytes)});
  }
  if (reply.cut) break_off(answer, reply);
  return answer;
}

}  // namespace keywheel::testing
