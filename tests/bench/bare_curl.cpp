#include "bench/bare_curl.hpp"

#include <memory>
#include <stdexcept>
#include <utility>

namespace keywheel::bench {

BareCall::BareCall(std::string url, std::string body)
    : url_(std::move(url)), body_(std::move(body)), handle_(curl_easy_init()) {}

BareCall::~BareCall() {
  curl_easy_cleanup(handle_);
  curl_slist_free_all(headers_);
}

void BareCall::prepare() {
  curl_easy_reset(handle_);
  curl_slist_free_all(std::exchange(headers_, nullptr));
  headers_ = curl_slist_append(headers_, "Content-Type: application/json");
  headers_ = curl_slist_append(headers_, "Authorization: Bearer sk-bench-key");
  headers_ = curl_slist_append(headers_, "Expect:");
  curl_easy_setopt(handle_, CURLOPT_URL, url_.c_str());
  curl_easy_setopt(handle_, CURLOPT_HTTPHEADER, headers_);
  curl_easy_setopt(handle_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body_.size()));
  curl_easy_setopt(handle_, CURLOPT_POSTFIELDS, body_.c_str());
  curl_easy_setopt(handle_, CURLOPT_WRITEFUNCTION, &BareCall::write);
  curl_easy_setopt(handle_, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(handle_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle_, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(handle_, CURLOPT_PRIVATE, this);
}

std::size_t BareCall::write(char*, std::size_t size, std::size_t count, void* self) {
  static_cast<BareCall*>(self)->received_ += size * count;
  return size * count;
}

void run_bare_multi(const std::string& url, const std::string& body, std::size_t calls, std::size_t in_flight) {
  CURLM* multi = curl_multi_init();
  std::vector<std::unique_ptr<BareCall>> handles;
  std::size_t started = 0;
  std::size_t ended = 0;
  const auto start = [&](BareCall& call) {
    call.prepare();
    curl_multi_add_handle(multi, call.handle());
    ++started;
  };
  for (std::size_t i = 0; i < in_flight && started < calls; ++i) {
    handles.push_back(std::make_unique<BareCall>(url, body));
    start(*handles.back());
  }
  while (ended < calls) {
    int running = 0;
    curl_multi_perform(multi, &running);
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      if (message->data.result != CURLE_OK) throw std::runtime_error(curl_easy_strerror(message->data.result));
      BareCall* call = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
      curl_multi_remove_handle(multi, call->handle());
      ++ended;
      if (started < calls) start(*call);
    }
    if (ended < calls) curl_multi_poll(multi, nullptr, 0, 1000, nullptr);
  }
  handles.clear();
  curl_multi_cleanup(multi);
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
  call.prepare();
  curl_easy_setopt(call.handle(), CURLOPT_PRIVATE, &job);
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
