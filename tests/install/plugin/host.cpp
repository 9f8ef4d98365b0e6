// Loads and unloads a plugin that uses keywheel a hundred times. Fails where it stays loaded, or leaves a thread or a
// file descriptor behind.
#include <cstdio>
#include <filesystem>
#include <iterator>

#include <dlfcn.h>

namespace {

std::ptrdiff_t entries(const char* folder) {
  return std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  std::ptrdiff_t files = 0;
  for (int i = 0; i < 100; ++i) {
    void* plugin = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (plugin == nullptr) return std::printf("dlopen: %s\n", dlerror()), 1;
    auto* run = reinterpret_cast<int (*)()>(dlsym(plugin, "plugin_run"));
    if (run == nullptr || run() != 0) return std::printf("round %d: the plugin's call went wrong\n", i), 1;
    if (dlclose(plugin) != 0) return std::printf("dlclose: %s\n", dlerror()), 1;
    for (int j = 1; j < argc; ++j) {
      if (dlopen(argv[j], RTLD_NOW | RTLD_NOLOAD) != nullptr) return std::printf("%s stays loaded\n", argv[j]), 1;
    }
    if (entries("/proc/self/task") != 1) return std::printf("round %d: a thread is left\n", i), 1;
    // The first round's are those that libraries of the system keep open.
    if (i == 0) files = entries("/proc/self/fd");
    if (entries("/proc/self/fd") != files) return std::printf("round %d: a file descriptor is left\n", i), 1;
  }
  return 0;
}
