#include "bench/bare_curl.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <utility>

#include <sys/epoll.h>
#include <unistd.h>

#include "bench/measure.hpp"

namespace keywheel::bench {

BareCall::BareCall(BareRequest request) : request_(std::move(request)), handle_(curl_easy_init()) {
  curl_easy_setopt(handle_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle_, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(handle_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  curl_easy_setopt(handle_, CURLOPT_BUFFERSIZE, request_.stream ? 8192L : 16384L);
  curl_easy_setopt(handle_, CURLOPT_UPLOAD_BUFFERSIZE, 16384L);
  curl_easy_setopt(handle_, CURLOPT_ACCEPT_ENCODING, request_.stream ? "identity" : "");
  if (request_.ca_file.empty()) return;
  curl_easy_setopt(handle_, CURLOPT_CAINFO, request_.ca_file.c_str());
  curl_easy_setopt(handle_, CURLOPT_CAPATH, nullptr);  // else libcurl parses the file for every connection
}

BareCall::~BareCall() {
  curl_easy_cleanup(handle_);
  curl_slist_free_all(headers_);
}

void BareCall::prepare(void* tag) {
  curl_slist_free_all(std::exchange(headers_, nullptr));
  headers_ = curl_slist_append(headers_, "Content-Type: application/json");
  headers_ = curl_slist_append(headers_, request_.stream ? "Accept: text/event-stream" : "Accept: application/json");
  headers_ = curl_slist_append(headers_, "Authorization: Bearer sk-bench-key-1");
  headers_ = curl_slist_append(headers_, "Expect:");
  curl_easy_setopt(handle_, CURLOPT_PRIVATE, tag != nullptr ? tag : this);
  curl_easy_setopt(handle_, CURLOPT_ERRORBUFFER, error_);
  curl_easy_setopt(handle_, CURLOPT_HEADERFUNCTION, &BareCall::header);
  curl_easy_setopt(handle_, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(handle_, CURLOPT_WRITEFUNCTION, &BareCall::write);
  curl_easy_setopt(handle_, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(handle_, CURLOPT_URL, request_.url.c_str());
  curl_easy_setopt(handle_, CURLOPT_USERAGENT, "keywheel/0.1.0");
  curl_easy_setopt(handle_, CURLOPT_HTTPHEADER, headers_);
  curl_easy_setopt(handle_, CURLOPT_POST, 1L);
  curl_easy_setopt(handle_, CURLOPT_POSTFIELDS, request_.body.data());
  curl_easy_setopt(handle_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
  curl_easy_setopt(handle_, CURLOPT_PROXY, "");
  received_ = 0;
}

std::size_t BareCall::header(char*, std::size_t size, std::size_t count, void*) { return size * count; }

std::size_t BareCall::write(char*, std::size_t size, std::size_t count, void* self) {
  static_cast<BareCall*>(self)->received_ += size * count;
  return size * count;
}

BareLoop::BareLoop() : multi_(curl_multi_init()), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &BareLoop::on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &BareLoop::on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
}

BareLoop::~BareLoop() {
  for (const auto& call : calls_) curl_multi_remove_handle(multi_, call->handle());
  calls_.clear();
  curl_multi_cleanup(multi_);
  ::close(epoll_);
}

int BareLoop::on_socket(CURL*, curl_socket_t socket, int what, void* self, void* known) {
  auto& loop = *static_cast<BareLoop*>(self);
  epoll_event wanted{};
  wanted.data.fd = socket;
  if (what == CURL_POLL_REMOVE) return ::epoll_ctl(loop.epoll_, EPOLL_CTL_DEL, socket, &wanted), 0;
  wanted.events = (what & CURL_POLL_IN ? EPOLLIN : 0U) | (what & CURL_POLL_OUT ? EPOLLOUT : 0U);
  ::epoll_ctl(loop.epoll_, known != nullptr ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, socket, &wanted);
  if (known == nullptr) curl_multi_assign(loop.multi_, socket, self);
  return 0;
}

int BareLoop::on_timer(CURLM*, long milliseconds, void* self) {
  static_cast<BareLoop*>(self)->deadline_ =
      milliseconds < 0 ? -1 : wall_now() + static_cast<double>(milliseconds) * 1e-3;
  return 0;
}

void BareLoop::start(BareCall& call) {
  call.prepare();
  curl_multi_add_handle(multi_, call.handle());
}

void BareLoop::turn() {
  int running = 0;
  const double now = wall_now();
  if (deadline_ >= 0 && deadline_ <= now) {
    deadline_ = -1;
    curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
    return;
  }
  std::array<epoll_event, 256> events{};
  const int timeout = deadline_ < 0 ? 1000 : static_cast<int>(std::ceil((deadline_ - now) * 1e3));
  const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    const int happened = ((event.events & ~static_cast<unsigned>(EPOLLOUT)) != 0 ? CURL_CSELECT_IN : 0) |
                         ((event.events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0);
    curl_multi_socket_action(multi_, event.data.fd, happened, &running);
  }
}

void BareLoop::run(const BareRequest& request, std::size_t calls, std::size_t in_flight) {
  while (calls_.size() < in_flight) calls_.push_back(std::make_unique<BareCall>(request));
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(in_flight));
  std::size_t started = std::min(calls, in_flight);
  for (std::size_t i = 0; i < started; ++i) start(*calls_[i]);
  for (std::size_t ended = 0; ended < calls;) {
    turn();
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      if (message->data.result != CURLE_OK) throw std::runtime_error(curl_easy_strerror(message->data.result));
      BareCall* call = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
      curl_multi_remove_handle(multi_, call->handle());
      ++ended;
      if (started < calls) {
        ++started;
        start(*call);
      }
    }
  }
}

void BareLoop::hold(const BareRequest& request, std::size_t calls) {
  const std::size_t first = calls_.size();
  for (std::size_t i = 0; i < calls; ++i) {
    calls_.push_back(std::make_unique<BareCall>(request));
    start(*calls_.back());
  }
  for (std::size_t i = first; i < calls_.size();) {
    if (calls_[i]->received() > 0) {
      ++i;
    } else {
      turn();
    }
  }
}

BareHop::BareHop() : multi_(curl_multi_init()), thread_([this] { loop(); }) {}

BareHop::~BareHop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  curl_multi_wakeup(multi_);
  thread_.join();
  curl_multi_cleanup(multi_);
}

void BareHop::perform(BareCall& call) {
  Job job{.call = &call};
  call.prepare(&job);
  std::unique_lock lock(mutex_);
  waiting_.push_back(&job);
  lock.unlock();
  curl_multi_wakeup(multi_);
  lock.lock();
  job.ended.wait(lock, [&] { return job.done; });
}

void BareHop::loop() {
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (stop_) return;
      while (!waiting_.empty()) {
        curl_multi_add_handle(multi_, waiting_.front()->call->handle());
        waiting_.pop_front();
      }
    }
    int running = 0;
    curl_multi_perform(multi_, &running);
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      Job* job = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &job);
      curl_multi_remove_handle(multi_, message->easy_handle);
      const std::lock_guard lock(mutex_);
      job->done = true;
      job->ended.notify_one();
    }
    curl_multi_poll(multi_, nullptr, 0, 1000, nullptr);
  }
}

}  // namespace keywheel::bench
