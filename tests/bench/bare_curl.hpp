#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <curl/curl.h>

/// The floor of every comparison: libcurl alone, with the bytes and the options that keywheel sends and sets on each
/// call, and nothing parsed.

namespace keywheel::bench {

struct BareRequest {
  std::string url{};
  std::string body{};
  std::string ca_file{};
  bool stream = false;
};

/// One reusable handle that posts a body and throws the answer away.
class BareCall {
 public:
  explicit BareCall(BareRequest request);
  BareCall(const BareCall&) = delete;
  BareCall& operator=(const BareCall&) = delete;
  ~BareCall();

  /// What a client sets on every call.
  void prepare(void* tag = nullptr);
  [[nodiscard]] CURL* handle() const noexcept { return handle_; }
  [[nodiscard]] std::size_t received() const noexcept { return received_; }

 private:
  static std::size_t header(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t write(char* data, std::size_t size, std::size_t count, void* self);

  BareRequest request_;
  CURL* handle_;
  curl_slist* headers_ = nullptr;
  char error_[CURL_ERROR_SIZE] = {};
  std::size_t received_ = 0;
};

/// A multi loop over epoll on this thread.
class BareLoop {
 public:
  BareLoop();
  BareLoop(const BareLoop&) = delete;
  BareLoop& operator=(const BareLoop&) = delete;
  ~BareLoop();

  /// So many calls, so many of them in flight.
  void run(const BareRequest& request, std::size_t calls, std::size_t in_flight);
  /// Starts so many and waits until each has received something.
  void hold(const BareRequest& request, std::size_t calls);

 private:
  static int on_socket(CURL* handle, curl_socket_t socket, int what, void* self, void* known);
  static int on_timer(CURLM* multi, long milliseconds, void* self);
  void start(BareCall& call);
  void turn();

  CURLM* multi_;
  int epoll_;
  double deadline_ = -1;
  std::vector<std::unique_ptr<BareCall>> calls_{};
};

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
