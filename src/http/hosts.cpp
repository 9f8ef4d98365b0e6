#include "http/hosts.hpp"

#include <algorithm>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

namespace {
/// So many exchanges at once may be on their way to connections thought to have room: as many connections too many are
/// opened where that was wrong.
constexpr int kBoardingAtOnce = 4;
}  // namespace

void Host::enter(Visit& visit) {
  visit.host = this;
  visit.stage = Visit::Stage::waiting;
  visit.place = line_.insert(line_.end(), &visit);
}

int Host::room() const noexcept {
  int places = 0;
  for (const Connection& connection : connections_) places += std::max(0, connection.most - connection.streams);
  return places - boarding_;
}

bool Host::may_start() const noexcept {
  switch (protocol_) {
    case Protocol::http1:
      return true;
    case Protocol::unknown:
      return boarding_ + opening_ == 0;
    case Protocol::http2:
      break;
  }
  if (room() > 0) return boarding_ < kBoardingAtOnce;
  const auto unheard = [](const Connection& connection) { return !connection.heard; };
  return boarding_ + opening_ == 0 && std::none_of(connections_.begin(), connections_.end(), unheard);
}

Visit* Host::next() {
  if (line_.empty() || !may_start()) return nullptr;
  Visit* visit = line_.front();
  line_.pop_front();
  visit->stage = Visit::Stage::boarding;
  ++boarding_;
  ++running_;
  return visit;
}

void Host::opened(Visit& visit, int fd) {
  sockets_[fd] = &visit;
  visit.sockets.push_back(fd);
  if (visit.stage != Visit::Stage::boarding) return;
  visit.stage = Visit::Stage::opening;
  --boarding_;
  ++opening_;
  const auto in_use = [](const Connection& connection) { return connection.streams > 0; };
  if (protocol_ == Protocol::unknown && std::any_of(connections_.begin(), connections_.end(), in_use)) {
    // libcurl had a connection in use and would not share it.
    protocol_ = Protocol::http1;
    connections_.clear();
  } else if (protocol_ == Protocol::http2) {
    // There is no room after all: fewer streams are allowed than thought, or the peer is closing.
    for (Connection& connection : connections_) connection.most = std::min(connection.most, connection.streams);
  }
}

void Host::release_sockets(Visit& visit) noexcept {
  for (const int fd : visit.sockets) sockets_[fd] = nullptr;
  visit.sockets.clear();
}

void Host::closed(int fd) {
  const auto socket = sockets_.find(fd);
  if (socket == sockets_.end()) return;
  if (socket->second != nullptr) std::erase(socket->second->sockets, fd);
  sockets_.erase(socket);
  std::erase_if(connections_, [&](const Connection& connection) { return connection.fd == fd; });
}

int Host::boarded(Visit& visit, std::uint16_t local_port) {
  const bool opener = visit.stage == Visit::Stage::opening;
  if (opener) --opening_;
  if (visit.stage == Visit::Stage::boarding) --boarding_;
  visit.stage = Visit::Stage::aboard;
  const int fd = visit.sockets.empty() ? -1 : visit.sockets.back();
  release_sockets(visit);
  visit.connection = ++numbers_;
  if (protocol_ == Protocol::http1) return -1;

  const auto same = [&](const Connection& connection) { return connection.local_port == local_port; };
  const auto known = std::find_if(connections_.begin(), connections_.end(), same);
  if (known == connections_.end()) {
    connections_.push_back({.number = visit.connection, .fd = fd, .local_port = local_port, .streams = 1});
    return fd;
  }
  if (protocol_ == Protocol::unknown && known->streams > 0) protocol_ = Protocol::http2;
  ++known->streams;
  visit.connection = known->number;
  return -1;
}

void Host::heard(int fd) {
  for (Connection& connection : connections_) {
    if (connection.fd != fd || connection.heard) continue;
    connection.heard = true;
    connection.most = kStreams;
  }
}

void Host::spoke(bool http2) {
  const Protocol now = http2 ? Protocol::http2 : Protocol::http1;
  if (protocol_ == now) return;
  protocol_ = now;
  if (!http2) connections_.clear();
}

void Host::leave(Visit& visit) {
  switch (visit.stage) {
    case Visit::Stage::none:
      return;
    case Visit::Stage::waiting:
      line_.erase(visit.place);
      visit.stage = Visit::Stage::none;
      return;
    case Visit::Stage::boarding:
      --boarding_;
      break;
    case Visit::Stage::opening:
      --opening_;
      break;
    case Visit::Stage::aboard: {
      const auto same = [&](const Connection& connection) { return connection.number == visit.connection; };
      const auto known = std::find_if(connections_.begin(), connections_.end(), same);
      if (known != connections_.end()) --known->streams;
      break;
    }
  }
  --running_;
  release_sockets(visit);
  visit.stage = Visit::Stage::none;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
