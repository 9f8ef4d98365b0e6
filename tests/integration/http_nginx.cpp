#include "integration/http_nginx.hpp"

#include <array>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "integration/http_support.hpp"

namespace http_test {

namespace {

pid_t spawn(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t child = ::fork();
  if (child != 0) return child;
  const int null = ::open("/dev/null", O_RDWR);
  for (const int fd : {0, 1, 2}) ::dup2(null, fd);
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

bool succeeds(const std::vector<std::string>& words) {
  int status = 0;
  const pid_t child = spawn(words);
  return child > 0 && ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::string nginx() { return ::access("/usr/sbin/nginx", X_OK) == 0 ? "/usr/sbin/nginx" : "nginx"; }

void make_certificates(const std::filesystem::path& folder) {
  const auto in = [&](const char* name) { return (folder / name).string(); };
  std::ofstream(in("san")) << "subjectAltName=IP:127.0.0.1,DNS:good.test\n";
  const bool made =
      succeeds({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                "30", "-subj", "/CN=test CA", "-keyout", in("ca.key"), "-out", in("ca.pem")}) &&
      succeeds({"openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                "/CN=server", "-keyout", in("server.key"), "-out", in("server.csr")}) &&
      succeeds({"openssl", "x509", "-req", "-in", in("server.csr"), "-CA", in("ca.pem"), "-CAkey", in("ca.key"),
                "-CAcreateserial", "-days", "30", "-extfile", in("san"), "-out", in("server.pem")});
  if (!made) throw std::runtime_error("openssl made no certificates");
}

}  // namespace

bool Nginx::available() { return succeeds({nginx(), "-v"}) && succeeds({"openssl", "version"}); }

Nginx::Nginx(const NginxOptions& options) {
  std::string pattern = (std::filesystem::temp_directory_path() / "keywheel-nginx-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
  folder_ = pattern;
  make_certificates(folder_);
  const int reserved = listen_on_loopback(port_);
  ::close(reserved);
  const std::string location = options.location.empty() ? "return 200 ok;" : options.location;
  std::ofstream(folder_ / "nginx.conf") << fmt::format(
      R"(daemon off; master_process off; worker_rlimit_nofile 8192; pid {0}/pid; error_log {0}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; client_body_temp_path {0}/b; proxy_temp_path {0}/p; fastcgi_temp_path {0}/f; uwsgi_temp_path {0}/u;
  scgi_temp_path {0}/s;
  server {{
    listen 127.0.0.1:{1} ssl {2} backlog=4096; ssl_certificate {0}/server.pem; ssl_certificate_key {0}/server.key;
    add_header X-Connection $connection always; add_header X-Protocol $server_protocol always;
    {3}
    location / {{ {4} }}
  }}
}}
)",
      folder_.string(), port_, options.http2 ? "http2" : "", options.server, location);
  start();
}

Nginx::~Nginx() {
  kill();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void Nginx::start() {
  process_ = spawn({nginx(), "-e", (folder_ / "error.log").string(), "-c", (folder_ / "nginx.conf").string()});
  for (int fd = -1; fd < 0; fd = connect_to(port_)) {
    if (::waitpid(process_, nullptr, WNOHANG) == process_) {
      process_ = -1;
      std::ifstream log(folder_ / "error.log");
      std::ostringstream text;
      text << log.rdbuf();
      throw std::runtime_error("nginx did not start: " + text.str());
    }
    std::this_thread::yield();
  }
}

void Nginx::kill() {
  if (process_ <= 0) return;
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
  process_ = -1;
}

std::string Nginx::url(const std::string& host, const std::string& path) const {
  return fmt::format("https://{}:{}{}", host, port_, path);
}

std::string Nginx::ca_pem() const {
  std::ifstream file(folder_ / "ca.pem");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string Nginx::ca_path() const {
  const std::filesystem::path path = folder_ / "hashed";
  std::filesystem::create_directory(path);
  std::filesystem::copy_file(folder_ / "ca.pem", path / "ca.pem", std::filesystem::copy_options::overwrite_existing);
  if (!succeeds({"openssl", "rehash", path.string()})) throw std::runtime_error("openssl rehash failed");
  return path.string();
}

}  // namespace http_test
