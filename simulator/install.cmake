# Installation: the command, the libraries with their headers and CMake package, and the data they read.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package_directory ${CMAKE_INSTALL_LIBDIR}/cmake/cupola)

install(TARGETS cupola RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
foreach(room IN LISTS CUPOLA_ROOMS)
  install(TARGETS cupola_${room} EXPORT cupolaTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
endforeach()
# Headers for users; the others are the rooms' own. A test checks that these include each other only.
file(STRINGS ${PROJECT_SOURCE_DIR}/simulator/public_headers.txt public_headers)
foreach(header IN LISTS public_headers)
  cmake_path(GET header PARENT_PATH room)
  install(FILES ${PROJECT_SOURCE_DIR}/simulator/${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/cupola/${room})
endforeach()

install(EXPORT cupolaTargets NAMESPACE cupola:: DESTINATION ${package_directory})
configure_package_config_file(${PROJECT_SOURCE_DIR}/simulator/cupolaConfig.cmake.in
                              ${PROJECT_BINARY_DIR}/cupolaConfig.cmake
                              INSTALL_DESTINATION ${package_directory} PATH_VARS CMAKE_INSTALL_DATADIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/cupolaConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/cupolaConfig.cmake ${PROJECT_BINARY_DIR}/cupolaConfigVersion.cmake
        DESTINATION ${package_directory})

install(DIRECTORY ${PROJECT_SOURCE_DIR}/hwmodels ${PROJECT_SOURCE_DIR}/workloads
        DESTINATION ${CMAKE_INSTALL_DATADIR}/cupola)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/validation/datasets ${PROJECT_SOURCE_DIR}/validation/probe
        DESTINATION ${CMAKE_INSTALL_DATADIR}/cupola/validation)
install(FILES ${PROJECT_SOURCE_DIR}/validation/probe-gpus.yaml ${PROJECT_SOURCE_DIR}/validation/probe-fit.yaml
        DESTINATION ${CMAKE_INSTALL_DATADIR}/cupola/validation)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/calibration/plans DESTINATION ${CMAKE_INSTALL_DATADIR}/cupola/calibration)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES ${PROJECT_SOURCE_DIR}/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)
