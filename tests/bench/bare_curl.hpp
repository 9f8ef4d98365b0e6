#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <curl/curl.h>

/// The floor of every comparison: libcurl with the options that any client sets on each call, and nothing parsed.

namespace keywheel::bench {

/// One reusable handle that posts a body and throws the answer away.
class BareCall {
 public:
  BareCall(std::string url, std::string body);
  BareCall(const BareCall&) = delete;
  BareCall& operator=(const BareCall&) = delete;
  ~BareCall();

  /// As a client does on every call: URL, headers and body anew.
  void prepare();
  [[nodiscard]] CURL* handle() const noexcept { return handle_; }
  [[nodiscard]] std::size_t received() const noexcept { return received_; }

 private:
  static std::size_t write(char* data, std::size_t size, std::size_t count, void* self);

  std::string url_;
  std::string body_;
  CURL* handle_;
  curl_slist* headers_ = nullptr;
  std::size_t received_ = 0;
};

/// So many calls, so many of them in flight, in one multi loop on this thread.
void run_bare_multi(const std::string& url, const std::string& body, std::size_t calls, std::size_t in_flight);

/// A loop thread and callers that hand it a call and wait: what a thread hop costs without anything around it.
class BareHop {
 public:
  BareHop();
  ~BareHop();
  BareHop(const BareHop&) = delete;
  BareHop& operator=(const BareHop&) = delete;
  void perform(BareCall& call);

 private:
  struct Job {
    BareCall* call = nullptr;
    bool done = false;
    std::condition_variable ended{};
  };
  void loop();

  CURLM* multi_;
  std::mutex mutex_{};
  std::deque<Job*> waiting_{};
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace keywheel::bench
