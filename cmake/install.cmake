# What `cmake --install` puts where: the library, its headers, and what find_package() and pkg-config read.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(KEYWHEEL_INSTALL_CMAKEDIR "${CMAKE_INSTALL_LIBDIR}/cmake/keywheel" CACHE PATH
    "Where keywheelConfig.cmake goes, relative to the prefix")
mark_as_advanced(KEYWHEEL_INSTALL_CMAKEDIR)

get_target_property(keywheel_type keywheel TYPE)

install(TARGETS keywheel EXPORT keywheelTargets
  RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT keywheel_Runtime
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT keywheel_Runtime NAMELINK_COMPONENT keywheel_Development
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT keywheel_Development
  INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/" "${keywheel_generated_include_dir}/"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT keywheel_Development FILES_MATCHING PATTERN "*.hpp")

install(EXPORT keywheelTargets NAMESPACE keywheel::
  DESTINATION "${KEYWHEEL_INSTALL_CMAKEDIR}" COMPONENT keywheel_Development)
configure_package_config_file(
  "${CMAKE_CURRENT_LIST_DIR}/keywheelConfig.cmake.in" "${PROJECT_BINARY_DIR}/cmake/keywheelConfig.cmake"
  INSTALL_DESTINATION "${KEYWHEEL_INSTALL_CMAKEDIR}" NO_SET_AND_CHECK_MACRO)
# The ABI changes with the minor version until 1.0, and so does the package's.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/cmake/keywheelConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/cmake/keywheelConfig.cmake" "${PROJECT_BINARY_DIR}/cmake/keywheelConfigVersion.cmake"
  DESTINATION "${KEYWHEEL_INSTALL_CMAKEDIR}" COMPONENT keywheel_Development)

if(KEYWHEEL_WITH_REDIS)
  install(FILES "${CMAKE_CURRENT_LIST_DIR}/keywheelHiredis.cmake"
    DESTINATION "${KEYWHEEL_INSTALL_CMAKEDIR}" COMPONENT keywheel_Development)
endif()

# keywheel.pc finds its prefix from where it lies, so that an installed tree may be moved.
set(keywheel_pc_dir "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
if(IS_ABSOLUTE "${keywheel_pc_dir}")
  set(keywheel_pc_prefix "${CMAKE_INSTALL_PREFIX}")
else()
  file(RELATIVE_PATH keywheel_pc_up "/prefix/${keywheel_pc_dir}" "/prefix")
  set(keywheel_pc_prefix "\${pcfiledir}/${keywheel_pc_up}")
  string(REGEX REPLACE "/$" "" keywheel_pc_prefix "${keywheel_pc_prefix}")
endif()
foreach(dir IN ITEMS LIBDIR INCLUDEDIR)
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${dir}}")
    set(keywheel_pc_${dir} "${CMAKE_INSTALL_${dir}}")
  else()
    set(keywheel_pc_${dir} "\${prefix}/${CMAKE_INSTALL_${dir}}")
  endif()
endforeach()
# Who links the static library links what it uses, also when that is shared: hence not Requires.private, which is
# followed only for a program that is static as a whole. The shared library brings its own.
if(keywheel_type STREQUAL "STATIC_LIBRARY")
  set(keywheel_pc_requires "libcurl >= 7.88, fmt >= 9, libcrypto >= 3")
  set(keywheel_pc_libs "-lkeywheel -pthread")
  if(KEYWHEEL_WITH_SQLITE)
    string(APPEND keywheel_pc_requires ", sqlite3 >= 3.24")
  endif()
  if(KEYWHEEL_WITH_REDIS)
    string(APPEND keywheel_pc_requires ", hiredis")
    if(KEYWHEEL_HIREDIS_SSL_LIBRARY AND KEYWHEEL_HIREDIS_SSL_INCLUDE_DIR)
      string(APPEND keywheel_pc_requires ", hiredis_ssl")
    endif()
  endif()
  set(keywheel_pc_cflags " -DKEYWHEEL_STATIC_DEFINE")
else()
  set(keywheel_pc_requires "")
  set(keywheel_pc_libs "-lkeywheel")
  set(keywheel_pc_cflags "")
endif()
configure_file("${CMAKE_CURRENT_LIST_DIR}/keywheel.pc.in" "${PROJECT_BINARY_DIR}/cmake/keywheel.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/cmake/keywheel.pc"
  DESTINATION "${keywheel_pc_dir}" COMPONENT keywheel_Development)
