#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywheel/quota.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <hiredis/hiredis.h>
#ifdef KEYWHEEL_REDIS_TLS
#include <hiredis/hiredis_ssl.h>
#endif
#include <unistd.h>

#include "quota/redis_script.hpp"
#include "quota/redis_url.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

/// Of connecting, and of each reply.
constexpr timeval kTimeout{.tv_sec = 1, .tv_usec = 0};

/// The store cannot be had. What it says holds no password.
struct RedisError {
  std::string message;
  bool broken = true;  ///< the connection is of no use any more
};

using Reply = std::unique_ptr<redisReply, void (*)(redisReply*)>;

Reply owned(void* reply) {
  return {static_cast<redisReply*>(reply), [](redisReply* r) {
            if (r != nullptr) freeReplyObject(r);
          }};
}

std::string_view text_of(const redisReply& reply) noexcept {
  return reply.str != nullptr ? std::string_view(reply.str, reply.len) : std::string_view();
}

/// One item of an array; what is not there, or of another type, is nothing.
class Items {
 public:
  explicit Items(const redisReply* reply) noexcept
      : reply_(reply != nullptr && reply->type == REDIS_REPLY_ARRAY ? reply : nullptr) {}

  [[nodiscard]] std::size_t size() const noexcept { return reply_ != nullptr ? reply_->elements : 0; }
  [[nodiscard]] Items items(std::size_t at) const noexcept { return Items(item(at)); }
  [[nodiscard]] std::int64_t number(std::size_t at) const noexcept {
    const redisReply* each = item(at);
    return each != nullptr && each->type == REDIS_REPLY_INTEGER ? each->integer : 0;
  }
  [[nodiscard]] std::string text(std::size_t at) const {
    const redisReply* each = item(at);
    return each != nullptr ? std::string(text_of(*each)) : std::string();
  }

 private:
  [[nodiscard]] const redisReply* item(std::size_t at) const noexcept {
    return at < size() ? reply_->element[at] : nullptr;
  }
  const redisReply* reply_;
};

class Arguments {
 public:
  void add(std::string text) { all_.push_back(std::move(text)); }
  void add(std::int64_t number) { all_.push_back(std::to_string(number)); }
  void add(std::size_t number) { all_.push_back(std::to_string(number)); }
  void add(std::chrono::microseconds time) { add(std::int64_t{time.count()}); }
  void add(bool flag) { all_.emplace_back(flag ? "1" : "0"); }
  [[nodiscard]] const std::vector<std::string>& all() const noexcept { return all_; }

 private:
  std::vector<std::string> all_{};
};

/// One connection. Belongs to the process that made it.
class Connection {
 public:
  explicit Connection(const RedisUrl& url) : process_(::getpid()) {
    context_.reset(redisConnectWithTimeout(url.host.c_str(), url.port, kTimeout));
    if (!context_) throw RedisError{"out of memory"};
    if (context_->err != 0) throw RedisError{context_->errstr};
    ::fcntl(context_->fd, F_SETFD, FD_CLOEXEC);
    redisSetTimeout(context_.get(), kTimeout);
    if (url.tls) start_tls(url);
    if (!url.password.empty()) {
      std::vector<std::string_view> login{"AUTH"};
      if (!url.user.empty()) login.push_back(url.user);
      login.push_back(url.password.reveal());
      (void)command(login);
    }
    if (url.database != 0) (void)command({"SELECT", std::to_string(url.database)});
    read_info();
    script_ = std::string(text_of(*command({"SCRIPT", "LOAD", kRedisScript})));
  }

  /// Of the script, in this server.
  [[nodiscard]] const std::string& script() const noexcept { return script_; }
  [[nodiscard]] int process() const noexcept { return process_; }
  [[nodiscard]] const std::string& run() const noexcept { return run_; }
  /// Of the server, whose clock may be another's.
  [[nodiscard]] std::chrono::microseconds uptime() const {
    return uptime_ + std::chrono::floor<std::chrono::microseconds>(std::chrono::steady_clock::now() - begun_);
  }

  Reply command(const std::vector<std::string_view>& words) {
    std::vector<const char*> texts;
    std::vector<std::size_t> sizes;
    for (const std::string_view word : words) {
      texts.push_back(word.data());
      sizes.push_back(word.size());
    }
    Reply reply = owned(redisCommandArgv(context_.get(), static_cast<int>(words.size()), texts.data(), sizes.data()));
    if (!reply) throw RedisError{context_->errstr[0] != '\0' ? context_->errstr : "no answer"};
    if (reply->type == REDIS_REPLY_ERROR) {
      // A server that has become another's replica, or has not read its data yet, is not the one to ask.
      const std::string message(text_of(*reply));
      throw RedisError{message, message.starts_with("READONLY") || message.starts_with("LOADING")};
    }
    return reply;
  }

 private:
  struct Free {
    void operator()(redisContext* context) const noexcept { redisFree(context); }
  };

#ifdef KEYWHEEL_REDIS_TLS
  void start_tls(const RedisUrl& url) {
    redisSSLContextError error = REDIS_SSL_CTX_NONE;
    redisSSLOptions options{};
    options.server_name = url.host.c_str();
    options.verify_mode = REDIS_SSL_VERIFY_PEER;
    tls_.reset(redisCreateSSLContextWithOptions(&options, &error));
    if (!tls_) throw RedisError{redisSSLContextGetError(error)};
    if (redisInitiateSSLWithContext(context_.get(), tls_.get()) != REDIS_OK) throw RedisError{context_->errstr};
  }
  struct FreeTls {
    void operator()(redisSSLContext* context) const noexcept { redisFreeSSLContext(context); }
  };
  std::unique_ptr<redisSSLContext, FreeTls> tls_{};
#else
  void start_tls(const RedisUrl& /*url*/) {
    throw RedisError{"this keywheel was built with a hiredis that has no TLS (hiredis_ssl)"};
  }
#endif

  /// Which run of the server this is, and since when it has been running.
  void read_info() {
    Reply reply(nullptr, nullptr);
    try {
      reply = command({"INFO", "server"});
    } catch (const RedisError& error) {
      throw RedisError{error.message +
                       " (INFO tells whether the server was started anew; the user must be allowed it)"};
    }
    begun_ = std::chrono::steady_clock::now();
    const std::string info(text_of(*reply));
    const auto field = [&info](std::string_view name) {
      const auto at = info.find(name);
      if (at == std::string::npos) return std::string();
      const auto begin = at + name.size();
      return info.substr(begin, info.find_first_of("\r\n", begin) - begin);
    };
    run_ = field("run_id:");
    const std::string uptime = field("uptime_in_seconds:");
    if (run_.empty() || uptime.empty()) throw RedisError{"INFO server says no run_id or no uptime_in_seconds"};
    uptime_ = std::chrono::seconds(std::strtoll(uptime.c_str(), nullptr, 10));
  }

  int process_;
  std::unique_ptr<redisContext, Free> context_{};
  std::string run_{};
  std::string script_{};
  std::chrono::microseconds uptime_{0};
  std::chrono::steady_clock::time_point begun_{};
};

/// The request as the script reads it.
class Call {
 public:
  Call(const QuotaRequest& request, const Connection& connection) {
    for (const char* name : {"state", "processes", "marks", "marks.order"}) key(name);
    argument(request.process);
    argument(request.epoch);
    argument(request.clock_jumped);
    argument(std::chrono::microseconds(request.lease));
    argument(request.leaving);
    argument(static_cast<std::int64_t>(request.seen_marks));
    argument(connection.run());
    argument(connection.uptime());
    argument(fmt::format("{}.{}", request.process, std::chrono::steady_clock::now().time_since_epoch().count()));
    argument(request.windows.size());
    for (const WindowAsk& ask : request.windows) add(ask);
    argument(request.totals.size());
    for (const TotalAsk& ask : request.totals) add(ask);
    argument(request.permits.size());
    for (const PermitAsk& ask : request.permits) {
      key(ask.name);
      for (const std::int64_t number : {ask.limit, ask.used, ask.want}) argument(number);
    }
    argument(request.marks.size());
    for (const QuotaMark& mark : request.marks) {
      argument(mark.name);
      argument(std::int64_t{mark.rank});
      argument(std::int64_t{mark.until.count()});
      argument(mark.body);
    }
  }

  /// `how` is EVALSHA or EVAL, `what` the script or its hash.
  [[nodiscard]] std::vector<std::string_view> words(std::string_view how, std::string_view what) const {
    std::vector<std::string_view> all{how, what, count_};
    all.insert(all.end(), keys_.all().begin(), keys_.all().end());
    all.insert(all.end(), arguments_.all().begin(), arguments_.all().end());
    return all;
  }

 private:
  /// In braces what a Redis Cluster chooses the node by: a script's keys must be on one.
  void key(const std::string& name) {
    keys_.add("{keywheel}:" + name);
    count_ = std::to_string(keys_.all().size());
  }
  template <class T>
  void argument(const T& value) {
    arguments_.add(value);
  }
  void add(const WindowAsk& ask) {
    key(ask.name);
    argument(ask.limit);
    for (const auto time : {ask.window, ask.lapse, ask.horizon}) argument(time);
    for (const std::int64_t number : {ask.each, ask.want, ask.least, ask.held}) argument(number);
    argument(ask.used.size());
    for (const QuotaUse& use : ask.used) {
      argument(static_cast<std::int64_t>(use.id));
      argument(use.at);
      argument(use.amount);
    }
    for (const std::vector<std::uint64_t>* ids : {&ask.renew, &ask.save}) {
      argument(ids->size());
      for (const std::uint64_t id : *ids) argument(static_cast<std::int64_t>(id));
    }
  }
  void add(const TotalAsk& ask) {
    key(ask.name);
    for (const std::int64_t number : {ask.limit, ask.holding, ask.known, ask.want}) argument(number);
    argument(ask.final);
    argument(std::int64_t{ask.keep.count()});
  }

  Arguments keys_{};
  Arguments arguments_{};
  std::string count_{};
};

QuotaReply read(const redisReply& reply) {
  const Items all(&reply);
  QuotaReply answer{.epoch = all.text(0), .now = StoreTime(all.number(1)), .processes = all.number(2)};
  answer.seen_marks = static_cast<std::uint64_t>(all.number(3));
  const Items windows = all.items(4);
  for (std::size_t i = 0; i < windows.size(); ++i) {
    WindowGrant& grant = answer.windows.emplace_back();
    grant.next = StoreTime(windows.items(i).number(0));
    const Items tickets = windows.items(i).items(1);
    for (std::size_t k = 0; k + 3 < tickets.size(); k += 4) {
      grant.tickets.push_back({.id = static_cast<std::uint64_t>(tickets.number(k)),
                               .from = StoreTime(tickets.number(k + 1)),
                               .until = StoreTime(tickets.number(k + 2)),
                               .amount = tickets.number(k + 3)});
    }
    const Items renewed = windows.items(i).items(2);
    for (std::size_t k = 0; k + 1 < renewed.size(); k += 2) {
      grant.renewed.push_back(
          {.id = static_cast<std::uint64_t>(renewed.number(k)), .until = StoreTime(renewed.number(k + 1))});
    }
  }
  const Items totals = all.items(5);
  for (std::size_t i = 0; i < totals.size(); ++i) {
    answer.totals.push_back({.holding = totals.items(i).number(0), .total = totals.items(i).number(1)});
  }
  const Items permits = all.items(6);
  for (std::size_t i = 0; i < permits.size(); ++i) answer.permits.push_back({.held = permits.number(i)});
  const Items marks = all.items(7);
  for (std::size_t i = 0; i < marks.size(); ++i) {
    const Items mark = marks.items(i);
    answer.marks.push_back({.name = mark.text(0),
                            .rank = static_cast<int>(mark.number(1)),
                            .until = std::chrono::milliseconds(mark.number(2)),
                            .body = mark.text(3)});
  }
  return answer;
}

class RedisStore final : public QuotaStore {
 public:
  explicit RedisStore(RedisUrl url) : url_(std::move(url)) {}

  [[nodiscard]] std::string name() const override {
    const bool six = url_.host.find(':') != std::string::npos;
    std::string name = six ? fmt::format("Redis at [{}]:{}", url_.host, url_.port)
                           : fmt::format("Redis at {}:{}", url_.host, url_.port);
    if (url_.database != 0) name += fmt::format("/{}", url_.database);
    return name;
  }

  [[nodiscard]] Result<QuotaReply> exchange(const QuotaRequest& request) override {
    const std::lock_guard lock(mutex_);
    const bool kept = connection_ && connection_->process() == ::getpid();
    std::optional<RedisError> failure = attempt(request);
    // A connection that lay idle may have been closed from the other side meanwhile.
    if (failure && failure->broken && kept) failure = attempt(request);
    if (!failure) return std::move(answer_);
    return Error{.kind = ErrorKind::connection, .message = fmt::format("{}: {}", name(), failure->message)};
  }

 private:
  std::optional<RedisError> attempt(const QuotaRequest& request) {
    try {
      if (!connection_ || connection_->process() != ::getpid()) {
        (void)connection_.release();  // after a fork it is the parent's
        connection_ = std::make_unique<Connection>(url_);
      }
      const Call call(request, *connection_);
      answer_ = read(*evaluate(call));
      return std::nullopt;
    } catch (const RedisError& error) {
      if (error.broken) connection_.reset();
      return error;
    }
  }

  Reply evaluate(const Call& call) {
    try {
      return connection_->command(call.words("EVALSHA", connection_->script()));
    } catch (const RedisError& error) {
      if (!error.message.starts_with("NOSCRIPT")) throw;
    }
    return connection_->command(call.words("EVAL", kRedisScript));
  }

  RedisUrl url_;
  std::mutex mutex_{};
  std::unique_ptr<Connection> connection_{};
  QuotaReply answer_{};
};

}  // namespace
}  // namespace detail

Result<std::shared_ptr<QuotaStore>> redis_store(const std::string& url) {
  Result<detail::RedisUrl> parts = detail::RedisUrl::parse(url);
  if (!parts) return std::move(parts).error();
  return std::shared_ptr<QuotaStore>(std::make_shared<detail::RedisStore>(*std::move(parts)));
}

KEYWHEEL_END_NAMESPACE
