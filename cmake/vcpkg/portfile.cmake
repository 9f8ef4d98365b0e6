# Builds the clone that this port lies in: `vcpkg install keywheel --overlay-ports=<clone>/cmake/vcpkg`.
# vcpkg tells versions of a port by the port's files alone; `vcpkg remove keywheel` first where only the sources changed.
get_filename_component(SOURCE_PATH "${CURRENT_PORT_DIR}/../.." ABSOLUTE)

vcpkg_cmake_configure(
  SOURCE_PATH "${SOURCE_PATH}"
  OPTIONS
    -DKEYWHEEL_BUILD_TESTS=OFF
    -DKEYWHEEL_BUILD_EXAMPLES=OFF
    -DKEYWHEEL_INSTALL=ON
)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/keywheel)
vcpkg_fixup_pkgconfig()
vcpkg_copy_pdbs()

file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug/include" "${CURRENT_PACKAGES_DIR}/debug/share")
file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
