#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "http/multi.hpp"
#include "http/poller.hpp"
#include "http/process.hpp"
#include "http/proxy.hpp"
#include "http/resolver.hpp"
#include "http/timers.hpp"
#include "http/transfer.hpp"
#include "router/runtime.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// What a loop does, without the threads: timers and transfers. Everything but wake() is called by the thread that
/// drives the loop.
///
/// Listeners are called inside libcurl's callbacks, where libcurl must not be called. So what a listener asks for
/// (start, cancel, resume) is only noted, and done when libcurl has returned.
class Engine : public std::enable_shared_from_this<Engine> {
 public:
  using Post = std::function<bool(Task)>;

  /// `post` reaches the loop from the resolver's threads. Throws std::system_error when there is no descriptor.
  [[nodiscard]] static std::shared_ptr<Engine> create(std::shared_ptr<Resolver> resolver, Post post);
  Engine(std::shared_ptr<Resolver> resolver, Post post);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  [[nodiscard]] Timers& timers() noexcept { return timers_; }
  [[nodiscard]] std::unique_ptr<Exchange> exchange(HttpRequest request, const ExchangeOptions& options,
                                                   ExchangeListener& listener);

  /// Does what is due, without waiting.
  void turn();
  /// Waits for sockets and timers and does what they ask for. `block` false: looks only.
  void poll(bool block);
  void wake() noexcept { poller_.wake(); }  ///< any thread

  /// Exchanges that have not ended.
  [[nodiscard]] std::size_t in_flight() const noexcept { return in_flight_; }
  /// Something is to be done before waiting.
  [[nodiscard]] bool ready() const noexcept;

  // For Transfer.
  void opened(Transfer& transfer, int fd);
  void boarded(Transfer& transfer, std::uint16_t local_port);
  void spoke(Transfer& transfer, bool http2);
  void serve(Transfer& transfer) { list(serving_, transfer); }  ///< its WebSocket has something to send
  // For the Exchange that stands for it.
  void cancel(Transfer& transfer);
  void resume(Transfer& transfer);

 private:
  using List = std::vector<Transfer*>;

  [[nodiscard]] std::optional<std::string> prepare(Transfer& transfer, HttpRequest& request,
                                                   const ExchangeOptions& options);
  [[nodiscard]] const std::variant<Origin, std::string>& origin_of(const std::string& url);
  [[nodiscard]] Multi& multi_for(const TlsConfig& tls);
  [[nodiscard]] const std::string& agent(std::string_view user);

  void settle();
  void start(Transfer& transfer);
  [[nodiscard]] bool resolve(Transfer& transfer);
  [[nodiscard]] bool await(const std::string& name, Transfer& transfer);
  void named(const std::string& name);
  void change(Route& route);
  void admit(Route& route);
  void launch(Transfer& transfer);
  void unpause(Transfer& transfer);
  void collect(Multi& multi);
  void finish(Transfer& transfer, ExchangeEnd end);
  void release(Transfer& transfer, bool reusable);
  void heard(int fd);
  void destroy(Transfer& transfer);
  void list(List& list, Transfer& transfer);

  const std::shared_ptr<Resolver> resolver_;
  const Post post_;
  const EnvironmentProxies environment_ = EnvironmentProxies::read();
  Poller poller_{};
  Timers timers_{};
  std::vector<Poller::Event> events_{};
  std::vector<std::unique_ptr<Multi>> multis_{};
  std::unordered_map<std::string, std::variant<Origin, std::string>> origins_{};
  std::string agent_of_{};  ///< the user's part of the User-Agent that agent_ is
  std::string agent_{};
  std::vector<std::unique_ptr<Transfer>> transfers_{};
  std::size_t in_flight_ = 0;

  List starting_{};
  List resuming_{};
  List serving_{};    ///< WebSockets with something to send
  List stopped_{};    ///< to end with Transfer::stopped
  List cancelled_{};  ///< to remove and destroy
  std::vector<Route*> changed_{};
  std::unordered_map<std::string, List> unresolved_{};
  struct Unheard {
    Route* route = nullptr;
    TimerId timer = 0;
  };
  std::unordered_map<int, Unheard> unheard_{};  ///< by socket: connections whose peers have said nothing yet
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
