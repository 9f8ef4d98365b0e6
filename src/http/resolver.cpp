#include "http/resolver.hpp"

#include <cerrno>
#include <cstring>
#include <deque>
#include <mutex>
#include <system_error>
#include <unordered_map>

#include <netdb.h>
#include <sys/socket.h>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

Lookup system_lookup(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  const int system_error = errno;
  Lookup lookup;
  if (code != 0) {
    const bool by_system = code == EAI_SYSTEM;
    lookup.error = by_system ? std::generic_category().message(system_error) : ::gai_strerror(code);
    lookup.exhausted = code == EAI_MEMORY || (by_system && (system_error == EMFILE || system_error == ENFILE ||
                                                            system_error == ENOMEM || system_error == ENOBUFS));
    return lookup;
  }
  constexpr std::size_t kMost = 16;
  for (const addrinfo* a = found; a != nullptr && lookup.addresses.size() < kMost; a = a->ai_next) {
    char text[NI_MAXHOST];
    if (::getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0)
      lookup.addresses.emplace_back(text);
  }
  ::freeaddrinfo(found);
  if (lookup.addresses.empty()) lookup.error = "the name has no address";
  return lookup;
}

struct Resolver::State {
  struct Entry {
    Answer answer{};
    TimePoint fresh_until{};
    bool known = false;
    bool looking = false;
    std::vector<Done> waiting{};
  };
  struct Worker {
    std::thread thread{};
    bool busy = false;  ///< has more to do than to return
  };

  explicit State(Options chosen) : options(std::move(chosen)), workers(static_cast<std::size_t>(options.threads)) {}

  const Options options;
  std::mutex mutex{};
  bool closed = false;
  std::unordered_map<std::string, Entry> entries{};
  std::deque<std::string> queue{};
  std::vector<Worker> workers;
  std::uint64_t version = 0;

  /// Stores what a lookup brought; gives back who waits for it. With the lock held.
  std::vector<Done> store(const std::string& host, const Lookup& lookup, Answer& answer);
};

std::vector<Resolver::Done> Resolver::State::store(const std::string& host, const Lookup& lookup, Answer& answer) {
  Entry& entry = entries[host];
  entry.looking = false;
  std::string joined;
  for (const std::string& address : lookup.addresses) {
    if (!joined.empty()) joined += ',';
    joined += address.find(':') == std::string::npos ? address : "[" + address + "]";
  }
  const TimePoint now = options.now();
  if (!joined.empty()) {
    if (joined != entry.answer.addresses) entry.answer = {.addresses = std::move(joined), .version = ++version};
    entry.fresh_until = now + options.fresh;
  } else {
    // Addresses that were good serve on when their renewal fails.
    if (entry.answer.addresses.empty()) entry.answer = {.error = lookup.error, .exhausted = lookup.exhausted};
    entry.fresh_until = now + options.failure;
  }
  entry.known = true;
  answer = entry.answer;
  return std::exchange(entry.waiting, {});
}

std::shared_ptr<Resolver> Resolver::create(Options options) { return std::make_shared<Resolver>(std::move(options)); }

Resolver::Resolver(Options options) : state_(std::make_shared<State>(std::move(options))) {}

Resolver::~Resolver() {
  if (process_.forked()) {
    new std::shared_ptr<State>(std::move(state_));  // left alone: its lock may be held by a thread that is not here
    return;
  }
  std::unordered_map<std::string, State::Entry> entries;
  std::vector<std::thread> done;
  bool left = false;
  {
    const std::lock_guard lock(state_->mutex);
    state_->closed = true;
    state_->queue.clear();
    entries.swap(state_->entries);
    for (State::Worker& worker : state_->workers) {
      if (!worker.thread.joinable()) continue;
      if (worker.busy) {
        worker.thread.detach();
        left = true;
      } else {
        done.push_back(std::move(worker.thread));
      }
    }
  }
  for (std::thread& thread : done) thread.join();
  if (left) pin_library();
}

std::optional<Resolver::Answer> Resolver::find(const std::string& host, Done done) {
  const std::lock_guard lock(state_->mutex);
  const TimePoint now = state_->options.now();
  State::Entry& entry = state_->entries[host];
  const bool fresh = entry.known && now < entry.fresh_until;
  const bool usable = fresh || !entry.answer.addresses.empty();
  if (!fresh && !entry.looking) {
    State::Worker* free = nullptr;
    for (State::Worker& worker : state_->workers)
      if (!worker.busy) free = free == nullptr ? &worker : free;
    if (free != nullptr) {
      if (free->thread.joinable()) free->thread.join();  // it only has to return
      const auto index = static_cast<std::size_t>(free - state_->workers.data());
      try {
        free->thread = start_thread([state = state_, index] { run(state, index); });
        free->busy = true;
      } catch (const std::system_error& error) {
        if (usable) return entry.answer;
        return Answer{.error = std::string("no thread for the lookup: ") + error.what(), .exhausted = true};
      }
    }
    state_->queue.push_back(host);
    entry.looking = true;
  }
  if (usable) return entry.answer;
  entry.waiting.push_back(std::move(done));
  return std::nullopt;
}

void Resolver::suspect(const std::string& host) {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->entries.find(host);
  if (found != state_->entries.end() && !found->second.answer.addresses.empty())
    found->second.fresh_until = state_->options.now();
}

void Resolver::run(const std::shared_ptr<State>& state, std::size_t worker) {
  std::unique_lock lock(state->mutex);
  while (!state->closed && !state->queue.empty()) {
    const std::string host = std::move(state->queue.front());
    state->queue.pop_front();
    lock.unlock();
    const Lookup lookup = state->options.lookup(host);
    lock.lock();
    if (state->closed) break;
    Answer answer;
    const std::vector<Done> waiting = state->store(host, lookup, answer);
    lock.unlock();
    for (const Done& done : waiting) done(answer);
    lock.lock();
  }
  state->workers[worker].busy = false;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
