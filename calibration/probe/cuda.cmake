# The CUDA part: cupola-probe itself.
find_program(CMAKE_CUDA_COMPILER nvcc HINTS ENV CUDA_HOME ENV CUDA_PATH PATHS /usr/local/cuda PATH_SUFFIXES bin)
include(CheckLanguage)
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  message(FATAL_ERROR "The probe needs the CUDA toolkit: nvcc is neither on PATH nor in /usr/local/cuda/bin. "
                      "Set CUDA_HOME or CMAKE_CUDA_COMPILER.")
endif()
set(are_all_wanted FALSE)
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES AND NOT DEFINED ENV{CUDAARCHS})
  set(are_all_wanted TRUE)
  set(CMAKE_CUDA_ARCHITECTURES 80 86 89 90a)
endif()
enable_language(CUDA)
find_package(CUDAToolkit 12.4 REQUIRED)
if(are_all_wanted AND CUDAToolkit_VERSION VERSION_GREATER_EQUAL 12.8)
  list(APPEND CMAKE_CUDA_ARCHITECTURES 100)
endif()

# cuDNN and CUPTI are opened at run time; only their headers are looked for, also where pip puts them.
file(GLOB pip_folders LIST_DIRECTORIES true /opt/*/.venv/lib/python3*/site-packages/nvidia
     /usr/lib/python3/dist-packages/nvidia /usr/local/lib/python3*/*-packages/nvidia)
set(pip_headers)
foreach(folder ${pip_folders})
  list(APPEND pip_headers ${folder}/cudnn/include ${folder}/cu13/include)
endforeach()
find_path(CUDNN_INCLUDE_DIR cudnn_backend.h HINTS ENV CUDNN_PATH ${CUDAToolkit_INCLUDE_DIRS} ${pip_headers}
          PATH_SUFFIXES include)
find_path(CUPTI_INCLUDE_DIR cupti.h HINTS ${CUDAToolkit_INCLUDE_DIRS} ${CUDAToolkit_TARGET_DIR}/extras/CUPTI/include
          ${CUDAToolkit_LIBRARY_ROOT}/extras/CUPTI/include)

# CMake 3.25 does not know that nvcc has C++20, and would ask it for CMAKE_CXX_STANDARD: C++ has it from the host library
unset(CMAKE_CXX_STANDARD)
unset(CMAKE_CXX_STANDARD_REQUIRED)
file(GLOB probe_sources CONFIGURE_DEPENDS *.cpp device/*.cpp device/*.cu sections/*.cpp sections/*.cu)
add_executable(cupola-probe ${probe_sources})
set_target_properties(cupola-probe PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
target_link_libraries(cupola-probe PRIVATE cupola_probe_host CUDA::cudart_static)
foreach(header_folder CUDNN_INCLUDE_DIR CUPTI_INCLUDE_DIR)
  if(${header_folder})
    target_include_directories(cupola-probe SYSTEM PRIVATE ${${header_folder}})
  else()
    message(STATUS "cupola-probe: ${header_folder} was not found; what needs it is left out")
  endif()
endforeach()
target_compile_options(cupola-probe PRIVATE "$<$<COMPILE_LANGUAGE:CUDA>:-std=c++20;--expt-relaxed-constexpr;-lineinfo>"
                                            "$<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wshadow>"
                       # GCC 12 sees a vector freed in the middle where there is none
                       "$<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-free-nonheap-object>")
