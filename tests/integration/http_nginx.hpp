#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include <sys/types.h>

/// A TLS server for the tests: nginx on a free loopback port, with a certificate of a CA made for the occasion.

namespace http_test {

struct NginxOptions {
  bool http2 = true;
  std::string server{};    ///< more directives for the server block
  std::string location{};  ///< directives for "location /"; empty: answers "ok"
};

class Nginx {
 public:
  /// Nothing where nginx or openssl is missing; the test then skips.
  [[nodiscard]] static bool available();

  explicit Nginx(const NginxOptions& options);
  ~Nginx();
  Nginx(const Nginx&) = delete;
  Nginx& operator=(const Nginx&) = delete;

  void kill();  ///< at once, with all connections
  void start();

  [[nodiscard]] std::string url(const std::string& host = "127.0.0.1", const std::string& path = "/") const;
  [[nodiscard]] std::string ca_file() const { return (folder_ / "ca.pem").string(); }
  [[nodiscard]] std::string ca_pem() const;
  [[nodiscard]] std::string ca_path() const;  ///< a hashed directory
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

 private:
  std::filesystem::path folder_;
  std::uint16_t port_ = 0;
  pid_t process_ = -1;
};

}  // namespace http_test
