#include "http/engine.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <new>

#include <fmt/format.h>

#include "http/websocket.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

namespace {

/// Stands for a Transfer towards the router.
class HttpExchange final : public Exchange {
 public:
  HttpExchange(std::shared_ptr<Engine> engine, Transfer& transfer) : engine_(std::move(engine)), transfer_(transfer) {}
  ~HttpExchange() override { engine_->cancel(transfer_); }
  HttpExchange(const HttpExchange&) = delete;
  HttpExchange& operator=(const HttpExchange&) = delete;

  void pause() override { transfer_.want_pause = true; }
  void resume() override { engine_->resume(transfer_); }

 private:
  std::shared_ptr<Engine> engine_;
  Transfer& transfer_;
};

TimePoint clock_now() { return TimePoint(std::chrono::steady_clock::now()); }

Transfer* transfer_of(CURL* handle) noexcept {
  char* found = nullptr;
  curl_easy_getinfo(handle, CURLINFO_PRIVATE, &found);
  return reinterpret_cast<Transfer*>(found);
}

}  // namespace

std::shared_ptr<Engine> Engine::create(std::shared_ptr<Resolver> resolver, Post post) {
  // In a fork's child nothing is given back: the sockets are the parent's.
  const auto release = [process = ProcessMark()](const Engine* engine) {
    if (!process.forked()) delete engine;
  };
  return std::shared_ptr<Engine>(new Engine(std::move(resolver), std::move(post)), release);
}

Engine::Engine(std::shared_ptr<Resolver> resolver, Post post)
    : resolver_(std::move(resolver)), post_(std::move(post)) {}

Engine::~Engine() {
  for (const std::unique_ptr<Transfer>& transfer : transfers_) release(*transfer, false);
}

std::unique_ptr<Exchange> Engine::exchange(HttpRequest request, const ExchangeOptions& options,
                                           ExchangeListener& listener) {
  auto made = std::make_unique<Transfer>(*this, listener);
  Transfer& transfer = *made;
  transfer.index = transfers_.size();
  transfers_.push_back(std::move(made));
  ++in_flight_;
  if (std::optional<std::string> fault = prepare(transfer, request, options)) {
    transfer.stopped = {ExchangeEnd::Kind::refused, std::move(*fault)};
    list(stopped_, transfer);
  } else {
    list(starting_, transfer);
  }
  return std::make_unique<HttpExchange>(shared_from_this(), transfer);
}

const std::variant<Origin, std::string>& Engine::origin_of(const std::string& url) {
  constexpr std::size_t kKept = 256;
  if (const auto known = origins_.find(url); known != origins_.end()) return known->second;
  if (origins_.size() >= kKept) origins_.clear();
  return origins_.emplace(url, read_url(url)).first->second;
}

const std::string& Engine::agent(std::string_view user) {
  if (agent_.empty() || user != agent_of_) {
    agent_of_ = user;
    agent_ = fmt::format("{}{}keywheel/{}.{}.{}", user, user.empty() ? "" : " ", KEYWHEEL_VERSION_MAJOR,
                         KEYWHEEL_VERSION_MINOR, KEYWHEEL_VERSION_PATCH);
  }
  return agent_;
}

Multi& Engine::multi_for(const TlsConfig& tls) {
  for (const std::unique_ptr<Multi>& multi : multis_)
    if (multi->trusts(tls)) return *multi;
  multis_.push_back(std::make_unique<Multi>(tls, poller_, static_cast<std::uint32_t>(multis_.size())));
  multis_.back()->on_unwatched = [this](CURL* handle, int error) {
    Transfer* transfer = transfer_of(handle);
    if (transfer == nullptr || transfer->stopped || transfer->finished) return;
    transfer->stopped = {ExchangeEnd::Kind::exhausted,
                         fmt::format("the system watches no more sockets: {}", std::strerror(error))};
    list(stopped_, *transfer);
  };
  return *multis_.back();
}

std::optional<std::string> Engine::prepare(Transfer& transfer, HttpRequest& request, const ExchangeOptions& options) {
  if (request.websocket && !speaks_websocket()) return no_websocket();
  const auto& read = origin_of(request.url);
  if (const auto* fault = std::get_if<std::string>(&read)) return *fault;
  const auto& origin = std::get<Origin>(read);
  if (origin.websocket != request.websocket)
    return request.websocket ? "a WebSocket's URL begins with wss:// (or ws://)"
                             : "the URL's scheme is a WebSocket's, expected https (or http)";

  for (const HttpHeader& header : request.headers)
    if (std::optional<std::string> fault = header_fault(header)) return fault;
  if (options.proxy != nullptr) {
    if (const Secret* url = choose_proxy(*options.proxy, environment_, origin)) {
      auto proxy = read_proxy(*url);
      if (auto* fault = std::get_if<std::string>(&proxy)) return std::move(*fault);
      transfer.proxy = std::move(std::get<Proxy>(proxy));
    }
  }
  const bool stays_here = is_loopback(origin.host) && (!transfer.proxy || is_loopback(transfer.proxy->host));
  const auto secret = [&] {
    return origin.user_info || !request.secret_query.empty() ||
           std::any_of(request.headers.begin(), request.headers.end(),
                       [](const HttpHeader& header) { return is_secret_header(header.name); });
  };
  if (!origin.https && !options.allow_insecure && !stays_here && secret())
    return fmt::format("plain {0} to {1} would show the key to everyone on the way; use {0}s, or set allow_insecure",
                       origin.websocket ? "ws" : "http", origin.authority());

  transfer.multi = &multi_for(options.tls != nullptr ? *options.tls : TlsConfig{});
  transfer.route = &transfer.multi->route(origin, transfer.proxy ? &*transfer.proxy : nullptr);
  transfer.url = std::move(request.url);
  if (!request.secret_query.empty()) {
    // One allocation, so that no copy of the key is left behind by a string that grew.
    transfer.url.reserve(transfer.url.size() + 1 + request.secret_query.size());
    transfer.url += transfer.url.find('?') == std::string::npos ? '?' : '&';
    transfer.url += request.secret_query;
    wipe(request.secret_query);
  }
  transfer.method = std::move(request.method);
  transfer.body = std::move(request.body);
  if (request.websocket) {
    transfer.websocket = std::make_unique<WebSocketSession>(transfer.body);
    request.headers.push_back(transfer.websocket->ask());
    transfer.head.expect_upgrade();
  }
  transfer.headers.assign(std::move(request.headers), agent(options.user_agent));
  if (transfer.proxy) transfer.proxy_agent = agent(options.user_agent);
  transfer.stream = options.stream || request.websocket;
  const Bounds bounds = options.bounds != nullptr ? *options.bounds : Bounds{};
  transfer.max_body = bounds.max_body;
  transfer.max_header = bounds.max_header;
  return std::nullopt;
}

bool Engine::ready() const noexcept {
  return !starting_.empty() || !resuming_.empty() || !serving_.empty() || !stopped_.empty() || !cancelled_.empty() ||
         !changed_.empty();
}

void Engine::turn() {
  timers_.run_due(clock_now());
  constexpr int kRounds = 64;  // then sockets get their turn
  for (int round = 0; round < kRounds; ++round) {
    if (ready()) settle();
    bool acted = false;
    const TimePoint now = clock_now();
    for (std::size_t i = 0; i < multis_.size(); ++i) {
      const std::optional<TimePoint> deadline = multis_[i]->deadline();
      if (!deadline || *deadline > now) continue;
      multis_[i]->act(CURL_SOCKET_TIMEOUT, 0);
      collect(*multis_[i]);
      acted = true;
    }
    if (!acted && !ready()) return;
  }
}

void Engine::poll(bool block) {
  std::optional<TimePoint> until = timers_.next();
  for (const std::unique_ptr<Multi>& multi : multis_)
    if (multi->deadline() && (!until || *multi->deadline() < *until)) until = multi->deadline();
  std::optional<std::chrono::nanoseconds> timeout;
  if (!block || ready()) {
    timeout = std::chrono::nanoseconds(0);
  } else if (until) {
    timeout = std::max(std::chrono::nanoseconds(0), *until - std::min(*until, clock_now()));
  }
  poller_.wait(events_, timeout);
  for (const Poller::Event& event : events_) {
    if (event.tag >= multis_.size()) continue;
    if (CURL* writer = event.writable ? multis_[event.tag]->writer(event.fd) : nullptr) serve(*transfer_of(writer));
    const bool awaited = event.readable && unheard_.contains(event.fd);
    multis_[event.tag]->act(event.fd, (event.readable ? CURL_CSELECT_IN : 0) | (event.writable ? CURL_CSELECT_OUT : 0));
    if (awaited) heard(event.fd);
  }
  if (events_.empty()) return;
  for (std::size_t i = 0; i < multis_.size(); ++i) collect(*multis_[i]);
}

void Engine::settle() {
  const auto each = [](List& list, auto&& run) {
    List taken;
    taken.swap(list);
    for (Transfer* transfer : taken) {
      --transfer->listed;
      if (transfer->listener != nullptr && !transfer->finished) run(*transfer);
    }
    taken.clear();
    if (list.empty()) list.swap(taken);  // keeps its memory
  };
  each(starting_, [this](Transfer& transfer) { start(transfer); });
  each(resuming_, [this](Transfer& transfer) { unpause(transfer); });
  each(serving_, [this](Transfer& transfer) {
    if (transfer.serve_websocket()) finish(transfer, std::move(*transfer.stopped));
  });
  each(stopped_, [this](Transfer& transfer) { finish(transfer, std::move(*transfer.stopped)); });

  List taken;
  taken.swap(cancelled_);
  for (Transfer* transfer : taken) {
    if (transfer->listed > 0) {
      cancelled_.push_back(transfer);  // a list that was filled meanwhile still names it
    } else {
      destroy(*transfer);
    }
  }
  taken.clear();
  if (cancelled_.empty()) cancelled_.swap(taken);
  std::vector<Route*> routes;
  routes.swap(changed_);
  for (Route* route : routes) {
    route->changed = false;
    admit(*route);
  }
  routes.clear();
  if (changed_.empty()) changed_.swap(routes);
}

void Engine::list(List& list, Transfer& transfer) {
  list.push_back(&transfer);
  ++transfer.listed;
}

void Engine::change(Route& route) {
  if (route.changed) return;
  route.changed = true;
  changed_.push_back(&route);
}

void Engine::start(Transfer& transfer) {
  if (!resolve(transfer)) return;
  transfer.route->host.enter(transfer);
  change(*transfer.route);
}

bool Engine::resolve(Transfer& transfer) {
  for (RouteName& name : transfer.route->names) {
    if (unresolved_.contains(name.host)) return await(name.host, transfer);
    const auto tell = [post = post_, weak = weak_from_this(), host = name.host](const Resolver::Answer&) {
      post([weak, host] {
        if (const std::shared_ptr<Engine> engine = weak.lock()) engine->named(host);
      });
    };
    const std::optional<Resolver::Answer> answer = resolver_->find(name.host, tell);
    if (!answer) return await(name.host, transfer);
    if (answer->addresses.empty()) {
      transfer.stopped = {answer->exhausted ? ExchangeEnd::Kind::exhausted : ExchangeEnd::Kind::unreachable,
                          fmt::format("the name {} was not resolved: {}", name.host, answer->error)};
      list(stopped_, transfer);
      return false;
    }
    name.answer = *answer;
  }
  return true;
}

bool Engine::await(const std::string& name, Transfer& transfer) {
  transfer.unresolved = name;
  unresolved_[name].push_back(&transfer);
  return false;
}

void Engine::named(const std::string& name) {
  const auto waiting = unresolved_.find(name);
  if (waiting == unresolved_.end()) return;
  const List transfers = std::move(waiting->second);
  unresolved_.erase(waiting);
  for (Transfer* transfer : transfers) {
    transfer->unresolved.clear();
    list(starting_, *transfer);
  }
}

void Engine::admit(Route& route) {
  while (Visit* visit = route.host.next()) launch(static_cast<Transfer&>(*visit));
}

void Engine::launch(Transfer& transfer) {
  CURL* handle = transfer.multi->take_handle(transfer.stream);
  if (handle != nullptr && transfer.set_up(handle) && transfer.multi->add(handle) == CURLM_OK) {
    transfer.handle = handle;
    return;
  }
  if (handle != nullptr) curl_easy_cleanup(handle);
  transfer.stopped = {ExchangeEnd::Kind::exhausted, "no memory for a transfer"};
  list(stopped_, transfer);
}

void Engine::unpause(Transfer& transfer) {
  if (!transfer.paused || transfer.want_pause || transfer.handle == nullptr) return;
  transfer.paused = false;
  if (transfer.websocket) serve(transfer);  // libcurl had let go of the socket
  curl_easy_pause(transfer.handle, CURLPAUSE_CONT);
  transfer.multi->due_now();
}

void Engine::collect(Multi& multi) {
  multi.collect([&](CURL* handle, CURLcode code) {
    Transfer& transfer = *transfer_of(handle);
    finish(transfer, transfer.end(code));
  });
}

void Engine::finish(Transfer& transfer, ExchangeEnd end) {
  release(transfer, end.kind == ExchangeEnd::Kind::complete && !transfer.websocket);
  if (end.kind == ExchangeEnd::Kind::unreachable)
    for (const RouteName& name : transfer.route->names) resolver_->suspect(name.host);
  if (ExchangeListener* listener = std::exchange(transfer.listener, nullptr)) listener->on_end(std::move(end));
}

void Engine::release(Transfer& transfer, bool reusable) {
  if (transfer.finished) return;
  transfer.finished = true;
  --in_flight_;
  if (transfer.handle != nullptr) {
    if (transfer.websocket) transfer.multi->unwatch_writable(transfer.websocket->socket);
    transfer.multi->remove(transfer.handle);
    curl_easy_setopt(transfer.handle, CURLOPT_ERRORBUFFER, nullptr);
    transfer.multi->give_back(std::exchange(transfer.handle, nullptr), transfer.stream, reusable);
  }
  if (transfer.route != nullptr) {
    transfer.route->host.leave(transfer);
    change(*transfer.route);
  }
  transfer.wipe_request();
}

void Engine::destroy(Transfer& transfer) {
  release(transfer, false);
  const std::size_t index = transfer.index;
  if (index + 1 != transfers_.size()) {
    std::swap(transfers_[index], transfers_.back());
    transfers_[index]->index = index;
  }
  transfers_.pop_back();
}

void Engine::heard(int fd) {
  const auto found = unheard_.find(fd);
  if (found == unheard_.end()) return;
  Route& route = *found->second.route;
  timers_.cancel(found->second.timer);
  unheard_.erase(found);
  route.host.heard(fd);
  change(route);
}

void Engine::opened(Transfer& transfer, int fd) {
  poller_.opened(fd);
  if (const auto stale = unheard_.find(fd); stale != unheard_.end()) {
    timers_.cancel(stale->second.timer);
    unheard_.erase(stale);
  }
  if (transfer.opened_at == TimePoint{}) transfer.opened_at = clock_now();
  transfer.route->host.opened(transfer, fd);
  change(*transfer.route);
}

void Engine::boarded(Transfer& transfer, std::uint16_t local_port) {
  const int begun = transfer.route->host.boarded(transfer, local_port);
  if (begun >= 0) {
    // libcurl may have read the peer's first words already, and then no event tells of them. They take no longer than
    // the handshakes took.
    const TimePoint now = clock_now();
    const TimerId timer = timers_.add(now + (now - transfer.opened_at), [this, begun] { heard(begun); });
    unheard_[begun] = {transfer.route, timer};
  }
  change(*transfer.route);
}

void Engine::spoke(Transfer& transfer, bool http2) {
  transfer.route->host.spoke(http2);
  change(*transfer.route);
}

void Engine::cancel(Transfer& transfer) {
  transfer.listener = nullptr;
  if (!transfer.unresolved.empty()) std::erase(unresolved_[transfer.unresolved], &transfer);
  cancelled_.push_back(&transfer);
}

void Engine::resume(Transfer& transfer) {
  transfer.want_pause = false;
  if (transfer.paused && !transfer.finished) list(resuming_, transfer);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
