// NOT BUILT HERE: this repository builds and tests the same sources with Maven (../pom.xml). This is the Android
// library module for a machine with the Android SDK and NDK.
plugins {
    id("com.android.library") version "8.13.0"
    id("org.jetbrains.kotlin.android") version "2.2.20"
}

android {
    namespace = "gridlog"
    compileSdk = 36
    // The NDK that cargo-ndk builds the library with; 27 and later align it to 16 KB pages.
    ndkVersion = "28.2.13676358"

    defaultConfig {
        minSdk = 26 // java.time and java.nio.file
        consumerProguardFiles("consumer-rules.pro")
    }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }
    sourceSets["main"].apply {
        java.srcDirs("../src/main/kotlin", "../generated/kotlin")
        // What build-native.sh left: <abi>/libgridlog_ffi.so.
        jniLibs.srcDirs("jniLibs")
    }
}

kotlin { compilerOptions { jvmTarget.set(org.jetbrains.kotlin.gradle.dsl.JvmTarget.JVM_17) } }

dependencies {
    api("org.jetbrains.kotlinx:kotlinx-coroutines-android:1.10.2")
    // The AAR of JNA brings its own native part for every ABI; its JAR does not.
    implementation("net.java.dev.jna:jna:5.18.1@aar")
}
